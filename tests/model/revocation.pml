/* "Once a strict RevokeKey has returned, no check that starts later accepts the key": one
   authority, two caching verifiers and one key, in the terms of server/sync/ (hub, session,
   barrier).
   docs/invalidation.md gives the rules. Each can be taken away with -DNO_..., and then Spin must
   find a violation: run.py.

   Without bound: cut connections, messages lost with them, reconnects, leases, restarts of the
   authority. Bounded: one revoke and one other change, before or after it; one flight; MAX_UNREAD
   unread answers per verifier.
   With -DPERMISSIONS the first verifier's caller loses the key's project and gets it back, at any
   time and as often as it likes; then the revoke is the only change.

   What stands for what
   - Revisions are 0 to 2. The other change is of another key. It has to be sent, acknowledged and
     waited for all the same, or it concerns neither verifier and their positions move in silence.
   - A choice without a condition stands for a limit: an Invalidation that does not reach the head
     because it is full, a Reset because the history is trimmed or the session unknown.
   - A lease ends at any moment, at the verifier first (I6). Verifier and authority are one step
     here: a verifier that ends earlier has fewer hits, an authority that ends later returns later.
     The latest lease of a session ends last, so it stands for all of them.
   - Beats need no channel: acknowledgements are true and cumulative, so one that is late or lost is
     as good as one that is not yet sent.
   - A cut loses what is under way in both directions. The next Hello is then under way, with what
     the verifier knows; that cannot change before the answer.
   - A Welcome that makes the verifier flush is a RESET; another changes nothing there and is left
     out.
   - Only the first verifier has a cache to look into: the two are alike, so what can go wrong at
     one can go wrong at the first. The second is somebody else to wait for. */

#define MAX_UNREAD 2
#define NONE 3 /* no revision */

/* ---- the authority ---- */
byte head = 0; /* of the ring */
#ifdef PERMISSIONS
bool other_committed = true; /* left out */
#else
bool other_committed = false;
#endif
bool other_concerns = false; /* the verifiers */
bool revoked = false;        /* committed: from here on the authority rejects */
byte revoke_revision = NONE; /* once it is in the ring */
mtype = {IDLE, WAITING, RETURNED};
mtype barrier = IDLE;
byte waits_for[2]; /* the barrier waits for it: 1; 2 when it was given a lease since it last read */

/* A session. `acked` is its position: equal to `cursor` unless something is under way. */
byte acked[2];
byte cursor[2];
byte told[2];
byte under_way[2] = NONE;
bool leased[2];     /* the authority knows of a lease that has not ended */
bool old_leased[2]; /* it does not know of one: granted before a restart */

/* The first session's filter, as far as the key's project is concerned. */
bool permitted = true; /* its caller may verify there, now */
bool in_filter = true; /* it might when it said Hello */
bool known = false;    /* was connected before */
bool flushed = true;   /* has flushed since the filter changed */

/* ---- between ---- */
#define HELLO 0   /* cut; the verifier's Hello is under way */
#define UP 1
#define DROPPED 2 /* ended by the authority; the verifier still reads what was sent */
byte link[2] = HELLO;
mtype = {INVALIDATION, RESET, GRANT};
/* To revision; then Invalidation: previous revision; Reset: whether the filter has the key's
   project; Grant: the lease. */
chan down[2] = [MAX_UNREAD + 2] of {mtype, byte, byte};
#define OVER 0
#define LIVE 1
#define OLD 2 /* of before a restart */

/* ---- the verifiers ---- */
byte position[2]; /* S */
byte lease = OVER;
bool cached = false; /* "this key is good" */
bool told_of = true; /* the key's project is one of those in the last Welcome that was read */
byte flight = 0;     /* that answer is under way, computed at this revision plus 1; 0: none */
#ifdef NO_I9
bool evict_later = false;
#endif

#define FILTER(v) (v == 1 || in_filter)
#define OTHER_REVISION (revoke_revision == 1 -> 2 : 1)
#define BETWEEN(revision, after, to) (revision > after && revision <= to)
#define CONCERNS(v, after, to) \
  (FILTER(v) && revoke_revision != NONE && BETWEEN(revoke_revision, after, to))
#define HAS_ITEMS(v, after, to) \
  (CONCERNS(v, after, to) || other_concerns && BETWEEN(OTHER_REVISION, after, to))
#define REACHED(v) (revoke_revision != NONE && acked[v] >= revoke_revision)
/* Of the message that was just read. */
#define EVICTS(v) \
  (kind == RESET || kind == INVALIDATION && (arg != position[v] || CONCERNS(v, position[v], to)))
#define ANSWER_FITS (flight > position[0]) /* its revision >= S */
#define LEASE_LIVE (lease != OVER)

/* ---- the rules, and what is left of them ---- */
#ifdef NO_I1 /* commits, pushes some time later, and may begin to wait in between */
#define PUSHED revoked
#else
#define PUSHED (revoke_revision != NONE)
#endif

#if defined(NO_I3) /* any answer goes into the cache */
#define MAY_INSERT true
#elif defined(NO_I3_PROJECTS) /* also what it would not be told of */
#define MAY_INSERT ANSWER_FITS
#else
#define MAY_INSERT (ANSWER_FITS && told_of)
#endif

#if defined(NO_I4_LEASE) /* joins without a lease */
#define JOIN (ANSWER_FITS && told_of)
#elif defined(NO_I4_REVISION) /* takes a joined answer of any revision */
#define JOIN (flight > 0 && told_of && LEASE_LIVE)
#elif defined(NO_I4_PROJECTS) /* takes one that it would not be told of */
#define JOIN (ANSWER_FITS && LEASE_LIVE)
#else
#define JOIN (ANSWER_FITS && told_of && LEASE_LIVE)
#endif

#ifdef NO_I5 /* looks into the cache without a lease */
#define HIT cached
#else
#define HIT (cached && LEASE_LIVE)
#endif

#ifdef NO_I7 /* grants while something is under way */
#define EARNED(v) true
#else
#define EARNED(v) (under_way[v] == NONE)
#endif

#ifdef NO_I8_WHOLE /* grants before the last part of a long replay */
#define ALL_SENT(v) true
#else
#define ALL_SENT(v) (cursor[v] == head)
#endif

#if defined(NO_I10) /* does not wait for the gone */
#define SCOPE(v) ((FILTER(v) || !flushed) && link[v] == UP)
#elif defined(NO_I10_SCOPE) /* nor for who has yet to flush what it may not see any more */
#define SCOPE(v) FILTER(v)
#else
#define SCOPE(v) (FILTER(v) || !flushed)
#endif
#define IN_SCOPE(v) (SCOPE(v) && leased[v] && !REACHED(v))

#ifdef NO_I11 /* does not wait for leases of before the restart */
#define OLD_LEASES_OVER true
#else
#define OLD_LEASES_OVER (!old_leased[0] && !old_leased[1])
#endif
#ifdef NO_I11_AGAIN /* at a restart, forgets what the one before had to wait for */
#define STILL_OLD(v) false
#else
#define STILL_OLD(v) old_leased[v]
#endif

/* Nothing can go wrong any more: the search need not go on. */
#define DONE (barrier == RETURNED && !cached && flight == 0)

hidden byte i, to, arg, earned, same_filter;
hidden mtype kind;

/* What must not be. */
hidden byte accepted; /* a check that began after RevokeKey had returned */
hidden byte held_up;  /* the barrier, for one more lease, by a verifier that reads nothing */

/* Session::Pump */
inline push(v, up_to) {
  under_way[v] = up_to;
  cursor[v] = under_way[v];
  assert(nfull(down[v]));
  down[v]!INVALIDATION, under_way[v], told[v];
  told[v] = under_way[v]
}
inline pump(v) {
  if
  :: link[v] == UP && under_way[v] == NONE && cursor[v] < head ->
    if
    :: !HAS_ITEMS(v, cursor[v], head) -> cursor[v] = head; acked[v] = head
    :: HAS_ITEMS(v, cursor[v], head) -> push(v, head)
    :: head - cursor[v] == 2 && HAS_ITEMS(v, cursor[v], cursor[v] + 1) &&
         HAS_ITEMS(v, cursor[v] + 1, head) ->
       push(v, cursor[v] + 1)
    fi
  :: else
  fi
}

inline grant(v) {
#ifdef CHECK_WAIT
  held_up = waits_for[v] == 2 && !REACHED(v);
  assert(!held_up);
#endif
  waits_for[v] = (waits_for[v] > 0 && !REACHED(v) -> 2 : waits_for[v]);
  leased[v] = true;
  told[v] = cursor[v];
  assert(nfull(down[v]));
  down[v]!GRANT, cursor[v], (v == 0 -> LIVE : OVER)
}

/* Hub::CheckBarriers */
inline check_barrier(v) { waits_for[v] = (REACHED(v) -> 0 : waits_for[v]) }

/* Whether the session has the filter that its cache was filled under. */
inline take_filter(v) {
#ifdef PERMISSIONS
  if
  :: v == 0 && !leased[v] -> known = false; flushed = true; acked[v] = 0 /* forgotten: may be */
  :: true
  fi;
  same_filter = (v == 1 || (known -> flushed && in_filter == permitted : permitted));
  flushed = flushed && (v == 1 || !known || in_filter == permitted);
  known = known || v == 0;
  in_filter = (v == 0 -> permitted : in_filter)
#else
  same_filter = true
#endif
}
inline reset_at_hello(v) {
  cursor[v] = head; under_way[v] = head; told[v] = head;
#if defined(PERMISSIONS) && !defined(NO_I8_RESET)
  flushed = flushed && v == 1;
#endif
  down[v]!RESET, head, FILTER(v)
}

/* A verifier that is told of other projects than before does not resume, even if it may. (It starts
   over, and ends its lease. To be at the head is enough.) */
inline tell_projects(v) {
#ifdef NO_I8_RESET
  skip
#else
  if
  :: v == 0 && told_of != in_filter -> down[v]!RESET, head, FILTER(v)
  :: else
  fi
#endif
}

/* Session::Connect */
inline on_hello(v) {
  take_filter(v);
  link[v] = UP;
  if
  :: same_filter ->
     cursor[v] = position[v]; told[v] = position[v];
     acked[v] = (position[v] > acked[v] -> position[v] : acked[v]);
     tell_projects(v);
     pump(v)
  :: reset_at_hello(v)
  fi;
  check_barrier(v)
}

/* Session::OnBeat */
inline on_beat(v) {
  acked[v] = (position[v] > acked[v] -> position[v] : acked[v]);
  under_way[v] = (under_way[v] != NONE && acked[v] >= under_way[v] -> NONE : under_way[v]);
  acked[v] = (under_way[v] == NONE -> cursor[v] : acked[v]);
  flushed = flushed || (v == 0 && under_way[v] == NONE);
  earned = EARNED(v);
#ifdef NO_I8_ORDER /* the lease goes ahead of what is not yet sent */
  if
  :: earned -> grant(v)
  :: else
  fi;
  pump(v);
#else
  pump(v);
  if
  :: earned && ALL_SENT(v) -> grant(v)
  :: else
  fi;
#endif
  check_barrier(v)
}

/* While nothing can be sent only the position counts: the next Hello sets the rest. */
inline unlink(v, state) {
  link[v] = state;
  under_way[v] = NONE; cursor[v] = acked[v]; told[v] = acked[v]
}

/* The leases at the verifier and on the way to it that are `which` become `what`. */
inline turn_leases(v, which, what) {
  i = (v == 0 -> len(down[v]) : 0);
  do
  :: i > 0 ->
    down[v]?kind, to, arg;
    down[v]!kind, to, (kind == GRANT && arg == which -> what : arg);
    i--
  :: else -> break
  od;
  lease = (v == 0 && lease == which -> what : lease)
}

inline restart(v) {
  acked[v] = 0;
#ifdef PERMISSIONS
  known = known && v == 1;
  flushed = flushed || v == 0;
#endif
  unlink(v, (link[v] == UP -> DROPPED : link[v]));
  waits_for[v] = 0;
  old_leased[v] = STILL_OLD(v) || leased[v];
  leased[v] = false;
  turn_leases(v, LIVE, OLD)
}

proctype Session(byte v) provided (!DONE) {
  do
  :: atomic { link[v] == HELLO -> on_hello(v) }
  /* A verifier does not beat before it has read its Welcome. */
  :: atomic { link[v] == UP && len(down[v]) < MAX_UNREAD && !(down[v]?[RESET, to, arg]) ->
       if
       :: position[v] <= told[v] -> on_beat(v)
       :: else -> unlink(v, DROPPED)
       fi
     }
  :: d_step { leased[v] ->
       leased[v] = false;
       waits_for[v] = 0;
#ifndef NO_I6
       turn_leases(v, LIVE, OVER)
#endif
     }
  :: d_step { old_leased[v] ->
       old_leased[v] = false;
       turn_leases(v, OLD, OVER)
     }
  od
}

proctype Authority() provided (!DONE) {
  do
  :: atomic { !other_committed ->
       other_committed = true;
       if
       :: other_concerns = true
       :: true
       fi;
       head++; pump(0); pump(1)
     }
#ifdef NO_I1
  :: atomic { !revoked -> revoked = true }
  :: atomic { revoked && revoke_revision == NONE ->
       head++; revoke_revision = head; pump(0); pump(1)
     }
#else
  :: atomic { !revoked -> revoked = true; head++; revoke_revision = head; pump(0); pump(1) }
#endif
  :: atomic { barrier == IDLE && PUSHED ->
       waits_for[0] = IN_SCOPE(0);
       waits_for[1] = IN_SCOPE(1);
       barrier = WAITING
     }
  :: atomic { barrier == WAITING && waits_for[0] == 0 && waits_for[1] == 0 && OLD_LEASES_OVER ->
       barrier = RETURNED
     }
#ifdef PERMISSIONS
  :: d_step { true -> permitted = !permitted }
#endif
  :: d_step { true ->
       restart(0);
       restart(1);
       /* Who waited has got an error, and may call again. */
       barrier = (barrier == WAITING -> IDLE : barrier);
       head = (revoked && revoke_revision == NONE -> head + 1 : head);
       revoke_revision = (revoked && revoke_revision == NONE -> head : revoke_revision)
     }
  od
}

/* Connection and position of a verifier. */
proctype Verifier(byte v) provided (!DONE) {
  do
  :: d_step { nempty(down[v]) ->
       down[v]?kind, to, arg;
#ifndef PERMISSIONS
       assert(kind != INVALIDATION || arg == position[v]); /* I2: nothing is missed */
#endif
       assert(to >= position[v]);
       waits_for[v] = (waits_for[v] == 2 && kind != GRANT -> 1 : waits_for[v]);
       if
       :: v == 0 ->
#ifdef NO_I9 /* acknowledges before it evicts */
         evict_later = cached && EVICTS(v);
#else
         cached = cached && !EVICTS(v);
#endif
         told_of = (kind == RESET -> arg : told_of);
         lease = (kind == GRANT && arg != OVER -> arg : lease)
       :: else
       fi;
       position[v] = to
     }
  :: d_step { link[v] != HELLO ->
       i = len(down[v]);
       do
       :: i > 0 -> down[v]?_, _, _; i--
       :: else -> break
       od;
       unlink(v, HELLO)
     }
  od
}

/* The first verifier's cache, and those who ask it. */
proctype Checks() provided (!DONE) {
  do
  :: atomic { flight == 0 && !revoked && permitted -> flight = head + 1 }
#ifdef NO_I3_ORDER /* an answer's revision is read after its record */
  :: atomic { flight > 0 && flight <= head -> flight = head + 1 }
#endif
  :: atomic { flight > 0 -> cached = cached || MAY_INSERT; flight = 0 }
#ifdef NO_I9
  :: atomic { evict_later -> evict_later = false; cached = false }
#endif
  /* A check that begins now is answered by the cache. */
  :: atomic { HIT && barrier == RETURNED -> accepted = true; assert(!accepted) }
  /* A check that begins now joins the flight; at worst the answer is already computed. */
  :: atomic { JOIN && barrier == RETURNED -> accepted = true; assert(!accepted) }
  od
}

init {
  atomic {
    run Session(0); run Session(1);
    run Verifier(0); run Verifier(1);
    run Checks();
    run Authority()
  }
}
