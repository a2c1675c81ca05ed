"""Links between two devices: pure protocol in proto, sockets and discovery in net."""
