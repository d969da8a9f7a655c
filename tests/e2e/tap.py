"""A TCP connection with somebody in the middle: what the server sends can be cut off, held back or altered on its way."""

import contextlib
import socket
import threading


class Tap:
    """Listens, and passes every connection on to `host:port`.

    From the server come `limit` bytes at most on each connection; then it is closed, or with `holds` silent. The first `replace[0]`
    in them becomes `replace[1]`, which is as long; `replaced` says whether there was one.
    """

    def __init__(self, test, address, limit=None, holds=False, replace=None):
        host, port = address.rsplit(":", 1)
        self._target = (host, int(port))
        self._limit = limit
        self._holds = holds
        self._replace = replace
        self.replaced = False
        self.held = threading.Event()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        test.addCleanup(self.close)

    def close(self):
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_answers, args=(server, client), daemon=True).start()

    @staticmethod
    def _pass(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _pass_answers(self, server, client):
        passed = 0
        kept = b""  # what may be the beginning of the text that is to be replaced
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                data, kept = self._alter(kept + data)
                room = len(data) if self._limit is None else max(self._limit - passed, 0)
                client.sendall(data[:room])
                passed += min(len(data), room)
                if room < len(data):
                    self.held.set()
                    if self._holds:
                        return
                    break
            for each in (client, server):
                each.shutdown(socket.SHUT_RDWR)

    def _alter(self, data):
        """What can be passed on, and what has to wait for more."""
        if self._replace is None or self.replaced:
            return data, b""
        old, new = self._replace
        if old in data:
            self.replaced = True
            return data.replace(old, new, 1), b""
        for length in range(min(len(old) - 1, len(data)), 0, -1):
            if data.endswith(old[:length]):
                return data[:-length], data[-length:]
        return data, b""
