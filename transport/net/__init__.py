"""Link I/O: WebSocket, multicast DNS, clocks.

listener = await listen("0.0.0.0", 0, responder_factory, on_link)    websocket
link = await dial("ws://10.0.0.7:4000/", initiator)                  websocket
link.on_message = on_message; link.send(kind, priority, payload)     link
discovery = Discovery(port=listener.port, on_found=on_found, ...)    mdns
watch = NetworkWatch(on_change)                                      network
"""
