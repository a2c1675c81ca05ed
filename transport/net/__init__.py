"""Link I/O: WebSocket, multicast DNS, clocks."""
