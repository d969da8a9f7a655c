"""The attacks: each a function of a target that sends something no client of ours would, bounded in count, bytes and time.

An attack returns a few words on how it went, for the table. It asserts nothing: what the server must withstand is said where the
attacks are run. Counts are for a test that anybody may run; `scale` multiplies those of the floods.
"""

import dataclasses
from collections.abc import Callable

import floods
import h2
import lingering
import malformed


@dataclasses.dataclass(frozen=True)
class Attack:
    """One attack by its name in the table; `most_scale` bounds the larger counts. One that `grows` makes the server keep what it
    is sent for a while; all others must leave its memory nearly as it was. One that `ends_shared_connections` may, behind a front,
    make a call of somebody else fail as UNAVAILABLE: the one that the front sends in the same moment over the same connection."""

    name: str
    run: Callable[[h2.Target, int], str]
    most_scale: int = 1
    grows: bool = False
    ends_shared_connections: bool = False

    @property
    def title(self):
        return self.run.__doc__.split("\n", maxsplit=1)[0]


ALL = (
    Attack("reset flood", floods.rapid_reset, 4, grows=True),
    Attack("reset of whole calls", floods.reset_of_sent_calls, 4, grows=True),
    Attack("CONTINUATION flood", floods.continuation_flood, 16, grows=True),
    Attack("empty CONTINUATION flood", floods.empty_continuations, 20),
    Attack("huge metadata, many fields", floods.many_fields, 20, grows=True),
    Attack("huge metadata, one field", floods.giant_field, grows=True),
    Attack("HPACK bomb", floods.hpack_bomb, 20),
    Attack("HPACK table churn", floods.table_churn, 20, grows=True),
    Attack("half-open handshakes", lingering.half_open, 4),
    Attack("slow bytes", lingering.slow_bytes, 4),
    Attack("garbage", malformed.garbage, 10),
    Attack("wrong frames", malformed.wrong_frames),
    Attack("SETTINGS flood", floods.settings_flood, 20),
    Attack("PING flood", floods.ping_flood, 20, grows=True),
    Attack("WINDOW_UPDATE flood", floods.window_update_flood, 20),
    Attack("PRIORITY flood", floods.priority_flood, 20),
    Attack("empty DATA flood", floods.empty_data, 20),
    Attack("DATA byte by byte", floods.tiny_data, 20),
    Attack("readers without a window", lingering.zero_window, 10, grows=True),
    Attack("streams left open", lingering.open_streams, 10, grows=True),
    Attack("lying lengths", malformed.lying_lengths, 10),
    Attack("bad compression", malformed.bad_compression, 10),
    Attack("gzip bomb", malformed.gzip_bomb, 4),
    Attack("strange calls", malformed.strange_calls, 10),
    Attack("undecodable metadata", malformed.undecodable_metadata, 10, ends_shared_connections=True),
    Attack("connections come and go", lingering.many_connections, 3),
)
