"""Bare connections of clients that do what no library does; what they say is made of h2."""

import socket

import h2

def connect(address, source="127.0.0.1", greet=True, receive_buffer=None):
    """A connection to `host:port` from an address of 127.0.0.0/8, which has said what a client says first."""
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    connection.settimeout(30)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        connection.bind((source, 0))
        connection.connect((host, int(port)))
        if greet:
            connection.sendall(h2.PREFACE + h2.settings())
    except OSError:
        connection.close()
        raise
    return connection


def has_ended(connection):
    """Whether the other end has closed or reset the connection by now; what came before is dropped."""
    connection.setblocking(False)
    try:
        while True:
            if not connection.recv(65536):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)
