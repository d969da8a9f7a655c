/* The protocol behind "once RevokeKey has returned, no check that starts later accepts the key": one authority, two
   caching verifiers, one key, in the terms of server/sync/ (session, hub, barrier). The rules are those of
   docs/invalidation.md; each can be taken away with -DNO_..., and then Spin must find a violation (run.py).

   Without a bound: cut connections, lost messages, reconnects, leases, restarts of the authority.
   Bounded: one revoke and one other change (before or after it), one flight per verifier, MAX_UNREAD answers under way.

   What stands for what
   - Revisions count 0..2. The other change is of another key: nothing of this model's key is evicted by it, but it has
     to be sent, acknowledged and waited for (or, if nobody is concerned, it moves the position silently).
   - Time: a lease is over at an arbitrary moment. I6 says that it is over at the verifier first; so both ends are one
     step here (a verifier that stops earlier only has fewer hits, an authority that waits longer returns later).
     Later leases end later, so of all leases of a verifier the latest stands for all.
   - Beats have no channel: an acknowledgement is cumulative and true, so one that is under way or lost
     is one that is not yet read.
   - A cut loses all that is under way, both ways. The verifier's next Hello is then under way with what it knows;
     that does not change until an answer.
   - A check that joins a flight is one step: the worst case joins when the answer is already computed.
   - `may be` choices stand for limits: a full message (Invalidation up to less than the head), trimmed history and an
     unknown filter (Reset). */

#define VERIFIERS 2
#ifndef MAX_UNREAD
#define MAX_UNREAD 2
#endif
#define NONE 3 /* no revision */

mtype = {INVALIDATION, RESET, GRANT};

/* --- the authority --- */
byte head = 0;            /* the ring's newest revision */
bool other_done = false;  /* the other change is made */
bool revoked = false;     /* committed: from here on Verify rejects */
byte revoke_revision = NONE; /* once it is in the ring */
mtype = {IDLE, WAITING, RETURNED};
mtype barrier = IDLE;
byte waits[VERIFIERS];    /* the barrier waits for it: 1; 2: and it got a lease meanwhile */

/* A session. `acked` equals `cursor` while nothing is under way. */
byte acked[VERIFIERS], cursor[VERIFIERS], told[VERIFIERS], under_way[VERIFIERS] = NONE;
bool leased[VERIFIERS];     /* its lease is not over, as far as this incarnation knows */
bool old_leased[VERIFIERS]; /* a lease of before the restart is not over: unknown to the authority */

/* --- between --- */
#define UP 1
#define HELLO 2     /* cut; the verifier's next Hello is under way */
#define DROPPED 0   /* ended by the authority; the verifier can still read what was sent */
byte link[VERIFIERS] = HELLO;
/* to authority's position; Invalidation: previous position, Grant: FRESH, OLD (of before the restart) or OVER */
chan down[VERIFIERS] = [MAX_UNREAD + 2] of {mtype, byte, byte};
#define OVER 0
#define FRESH 1
#define OLD 2

/* --- a verifier --- */
byte position[VERIFIERS];  /* S */
byte lease[VERIFIERS];     /* OVER: none */
bool cached[VERIFIERS];    /* "this key is good" */
byte flight[VERIFIERS];    /* such an answer is under way, computed at this revision plus 1; 0: none */

#ifdef NO_I11
#define old_leases_over true
#else
#define old_leases_over (!old_leased[0] && !old_leased[1])
#endif

hidden byte i, n, to, arg;
hidden mtype kind;

#define reached(v) (revoke_revision != NONE && acked[v] >= revoke_revision)

/* Session::Pump */
inline pump(v) {
  if
  :: link[v] == UP && under_way[v] == NONE && cursor[v] < head ->
    if
    :: !(revoke_revision != NONE && revoke_revision > cursor[v]) ->
      cursor[v] = head; acked[v] = head /* concerns nobody there */
    :: send(v, head)
    :: head - cursor[v] == 2 -> send(v, cursor[v] + 1)
    fi
  :: else
  fi
}
inline send(v, up_to) {
  under_way[v] = up_to; cursor[v] = under_way[v];
  assert(nfull(down[v]));
  down[v]!INVALIDATION, under_way[v], told[v];
  told[v] = under_way[v]
}

inline grant(v) {
  if
  :: waits[v] > 0 && !reached(v) -> assert(waits[v] == 1 /* one more lease at most: I7 */); waits[v] = 2
  :: else
  fi;
  leased[v] = true;
  told[v] = cursor[v];
  assert(nfull(down[v]));
  down[v]!GRANT, cursor[v], FRESH
}
/* Hub::CheckBarriers */
inline check_barrier(v) {
  if
  :: reached(v) -> waits[v] = 0
  :: else
  fi
}
/* Session::Connect */
inline on_hello(v) {
  link[v] = UP;
  under_way[v] = NONE;
  if
  :: acked[v] = (acked[v] > position[v] -> acked[v] : position[v]);
     cursor[v] = position[v]; told[v] = position[v];
     acked[v] = cursor[v];
#ifndef NO_I8
     pump(v)
#endif
  :: cursor[v] = head; told[v] = head; under_way[v] = head;
     down[v]!RESET, head, 0
  fi;
  check_barrier(v)
}
/* Session::OnBeat */
inline on_beat(v) {
  assert(position[v] <= told[v]);
  acked[v] = (acked[v] > position[v] -> acked[v] : position[v]);
  if
  :: under_way[v] != NONE && acked[v] >= under_way[v] -> under_way[v] = NONE; acked[v] = cursor[v]
  :: else
  fi;
#ifdef NO_I7
  n = 1;
#else
  n = (under_way[v] == NONE);
#endif
#ifdef NO_I8
  if
  :: n -> grant(v)
  :: else
  fi;
  pump(v);
#else
  pump(v);
  if
  :: n && cursor[v] == head -> grant(v)
  :: else
  fi;
#endif
  check_barrier(v)
}
/* Marks the leases under way: those that are `which` become `what`. */
inline mark_leases(v, which, what) {
  i = len(down[v]);
  do
  :: i > 0 ->
    down[v]?kind, to, arg;
    if
    :: kind == GRANT && arg == which -> down[v]!kind, to, what
    :: else -> down[v]!kind, to, arg
    fi;
    i--
  :: else -> break
  od
}

/* Without a connection nothing is sent, and the next Hello says where it is: only the position counts. */
inline close_session(v) { under_way[v] = NONE; cursor[v] = acked[v]; told[v] = acked[v] }

inline restart(v) {
  if
  :: link[v] == UP -> link[v] = DROPPED
  :: else
  fi;
  acked[v] = 0; close_session(v);
  waits[v] = 0;
  old_leased[v] = old_leased[v] || leased[v];
  leased[v] = false;
  if
  :: lease[v] == FRESH -> lease[v] = OLD
  :: else
  fi;
  mark_leases(v, FRESH, OLD)
}


proctype Sessions(byte v) {
  do
  :: atomic { link[v] == HELLO -> on_hello(v) }
  :: atomic { link[v] == UP && len(down[v]) < MAX_UNREAD -> on_beat(v) }
  :: atomic { link[v] == UP -> link[v] = DROPPED; close_session(v) }
  /* the latest lease is over, and with it all earlier ones */
  :: atomic { leased[v] ->
       leased[v] = false; waits[v] = 0;
#ifndef NO_I6
       if
       :: lease[v] == FRESH -> lease[v] = OVER
       :: else
       fi;
       mark_leases(v, FRESH, OVER)
#endif
     }
  :: atomic { old_leased[v] ->
       old_leased[v] = false;
       if
       :: lease[v] == OLD -> lease[v] = OVER
       :: else
       fi;
       mark_leases(v, OLD, OVER)
     }
  od
}
proctype Verifier(byte v) {
  do
  :: atomic { down[v]?kind, to, arg ->
       if
       :: kind == INVALIDATION ->
         assert(arg == position[v]); /* else it would flush: I2 */
         if
         :: revoke_revision != NONE && revoke_revision > arg && revoke_revision <= to -> cached[v] = false
         :: else
         fi
       :: kind == RESET -> cached[v] = false
       :: kind == GRANT ->
         assert(to >= position[v]);
         if
         :: arg != OVER -> lease[v] = arg
         :: else
         fi
       fi;
       if
       :: kind != GRANT && waits[v] == 2 -> waits[v] = 1
       :: else
       fi;
       position[v] = to
     }
  :: atomic { link[v] != HELLO -> /* a cut, or it hears that the authority ended the connection */
       if
       :: link[v] == UP -> close_session(v)
       :: else
       fi;
       link[v] = HELLO;
       do
       :: down[v]?_, _, _
       :: empty(down[v]) -> break
       od
     }
  :: atomic { flight[v] == 0 && !revoked -> flight[v] = head + 1 }
  :: atomic { flight[v] > 0 ->
       if
       :: flight[v] > position[v] -> cached[v] = true /* I3: the answer's revision >= S */
       :: else
       fi;
       flight[v] = 0
     }
  /* a check begins now and is answered by the cache */
  :: atomic { cached[v] && lease[v] != OVER && barrier == RETURNED -> assert(false) }
  /* a check begins now, joins the flight (I4) and takes its answer */
  :: atomic { flight[v] > position[v] && lease[v] != OVER && barrier == RETURNED -> assert(false) }
  od
}

proctype Authority() {
  do
  :: atomic { !other_done -> other_done = true; head++; pump(0); pump(1) }
  :: atomic { !revoked -> revoked = true }
  :: atomic { revoked && revoke_revision == NONE -> head++; revoke_revision = head; pump(0); pump(1) }
  :: atomic { revoke_revision != NONE && barrier == IDLE ->
       waits[0] = leased[0] && !reached(0);
       waits[1] = leased[1] && !reached(1);
       barrier = WAITING }
  :: atomic { barrier == WAITING && waits[0] == 0 && waits[1] == 0 && old_leases_over -> barrier = RETURNED }
  :: atomic { true -> restart(0); restart(1);
       if
       :: barrier == WAITING -> barrier = IDLE /* its caller has an error, and may call again */
       :: else
       fi;
       if
       :: revoked && revoke_revision == NONE -> head++; revoke_revision = head
       :: else
       fi }
  od
}
init { atomic { run Sessions(0); run Sessions(1); run Verifier(0); run Verifier(1); run Authority() } }
