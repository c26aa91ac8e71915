/* A Spin model of the release protocol: what a ledger, its backups, two runs that
 * may die at any step and the public folder can do to each other.
 *
 * What stands for what
 *   world        shown[], forgot, wit  the public folder and everybody who read it: never forgets
 *   led          ledger.db, the chain as what follows from it (privacy/ledger/book.go); n is its length
 *   file[]       the sealed files beside it (privacy/ledger/folder.go); a number stands for a draw's bytes
 *   worker       `halftone run`: lock, open, look at the public folder (pipeline/session.go), then release keys
 *                (privacy/measure.go: reserve, draw, stage and seal) and publish one version of all that is
 *                sealed (pipeline/compose.go: compose, put, record, point). Every crash() may be its last step;
 *                the system frees its lock and it starts anew with nothing in memory
 *   give_up      `ledger.GiveUp`: a charged release is burnt
 *   backup, restore   copies of the state folder, or of ledger.db alone, put back at any moment, also below
 *                a run that has the ledger open
 *   unlock       `halftone unlock --from public` (privacy/ledger/unlock.go)
 * An atomic block over led is one IMMEDIATE transaction of SQLite; between two of them anything may happen.
 *
 * Hash chains: two chains that agree at n agree before it, and a lost entry never comes again except by
 * unlock. So a position and whether a restore took it away stand for a hash.
 *
 * Claims, by the numbers of the design's invariants; each is an assert() that names its number
 *   1  what is charged is within the budget B in every ledger, and so are the keys drawn and the keys shown,
 *      over crashes, burns and restores
 *   2  a draw that is shown was charged before
 *   3  a key has at most one charge and one seal; no second draw of it is ever shown; burnt keys are never sealed
 *   4  what a version shows is what the ledger that it names has sealed
 *   5  no step but a restore makes the sum of charges smaller
 *   8  no run appends to a ledger that has forgotten what is public, or whose unlock is unfinished
 *  13  the pointer names a version that is shown and recorded, and never goes back (publishing: pointer last)
 *
 * The ways to break it, with -D; run.sh tries all, and each has to be caught. Those with a * show the world a second
 * draw or too many; the others break a rule that only a second mishap would turn into that.
 *   CHARGE_LATE *     charge after publishing
 *   NO_SEAL *         publish what was drawn last, without sealing it
 *   SEAL_OVER *       a second seal replaces the first (it takes two runs at once: with NO_LOCK)
 *   NO_WITNESS *      do not look at the public folder when a run opens
 *   STALE_HANDLE *    do not notice that ledger.db was replaced while it is open
 *   FENCE_ONE_PLACE   notice it when charging only, not when sealing and recording
 *   NO_LOCK *         two runs at once. NO_LOCK with NO_RESTORE holds: transactions are enough where nothing is restored
 *   LEASE *           the lock is a lease that can pass to another while its holder still runs; every transaction is
 *                     fenced by its epoch, and a restore takes the lease away. LEASE with NO_RESTORE holds; with a
 *                     restore it does not, for nothing fences the folder that versions are put into
 *   REFUND_ON_CRASH * a run gives the charges of unpublished releases back when it starts
 *   BURN_REFUNDS      giving up gives the charge back
 *   BURN_REDRAWS      what was given up can still be sealed
 *   UNLOCK_FORGETS *  unlock takes the lock away and replays nothing
 *   UNLOCK_TORN       unlock replays in one transaction and burns in the next: it can die between the two
 *   POINT_EARLY       the pointer moves before the version is put
 * SHOWN_ONLY leaves only those claims in that are about what the world has seen.
 * Not in it: rows and their digests, costs other than 1, periods of several lengths, populations, series, withdrawal,
 * torn files, failing syncs, and more than one restore.
 */
#ifndef B
#define B 1          /* the budget; every charge costs 1 */
#endif
#define K 2          /* keys: two editions of one period */
#ifndef CRASHES
#define CRASHES 2    /* of runs, all together; runs that end well are not counted */
#endif
#define NOBODY 2

typedef Ledger { byte n; byte charged[K]; byte sealed[K]; bool burnt[K]; bool held[K]; byte last }
                              /* held: some recorded version holds the key; last: sequence of the newest recorded one */
Ledger led, bak, wit;         /* bak: the backup; wit: the ledger at the longest published head */
byte file[K], bakfile[K];
bool forgot, apart, torn;      /* a published head is not in the chain; the chains went apart; unlock did not end */
bool restored, grown, quiet;  /* led was restored; and appended to since; the operator will do no more */

byte shown[K];                /* the draw of a key that was seen, 0: none */
byte versions, latest;        /* number of versions that are there; the pointer */
byte most;                    /* the sum of charges after the last entry */
bool paid[K], drawn[K];       /* was ever charged; was drawn, as far as the ledger can know */
byte crashes, lock = NOBODY, epoch;

/* The memory of the two workers. */
Ledger at[2];                 /* the ledger when the version was composed; at.sealed: what the version shows */
byte id[2];                   /* bytes drawn, not sealed */
byte known[2];                /* the last entry that is known */
bool gone[2], lost[2];        /* a restore took that entry, or the head that the version names, away */

#define SPENT(l)   (l.charged[0] + l.charged[1])
#define COPY(a,b)  a.n=b.n; a.last=b.last; \
  a.charged[0]=b.charged[0]; a.sealed[0]=b.sealed[0]; a.burnt[0]=b.burnt[0]; a.held[0]=b.held[0]; \
  a.charged[1]=b.charged[1]; a.sealed[1]=b.sealed[1]; a.burnt[1]=b.burnt[1]; a.held[1]=b.held[1]
#define CLEAR(a)   a.n=0; a.last=0; \
  a.charged[0]=0; a.sealed[0]=0; a.burnt[0]=0; a.held[0]=0; a.charged[1]=0; a.sealed[1]=0; a.burnt[1]=0; a.held[1]=0
/* sealed/ holds a file of a release that the ledger never charged */
#define STRAY      ((file[0] && !led.charged[0]) || (file[1] && !led.charged[1]))
/* Some place still has these bytes: another draw has others. */
#define USED(k,x)  (shown[k]==x || led.sealed[k]==x || bak.sealed[k]==x || wit.sealed[k]==x || file[k]==x || bakfile[k]==x || \
                    at[0].sealed[k]==x || at[1].sealed[k]==x || id[1-me]==x)

/* Claims of every ledger, whoever wrote last. */
inline holds() {
#ifndef SHOWN_ONLY
  assert(SPENT(led) <= B);                                                       /* 1 */
  assert(drawn[0] + drawn[1] <= B);                                              /* 1 */
  assert(led.charged[0] <= 1 && led.charged[1] <= 1);                            /* 3 */
  assert(!(led.burnt[0] && led.sealed[0]) && !(led.burnt[1] && led.sealed[1])); /* 3 */
  assert(SPENT(led) >= most);                                                    /* 5 */
#endif
  most = SPENT(led)
}

/* A run reads what was appended after the last entry that it knows, and that entry: replaced, if it is another. */
#if defined(STALE_HANDLE)
#define REPLACED(charging) false
#elif defined(FENCE_ONE_PLACE)
#define REPLACED(charging) (charging && gone[me])
#elif defined(LEASE)
#define REPLACED(charging) (gone[me] || held != epoch)
#else
#define REPLACED(charging) gone[me]
#endif

/* Entries are counted as far as a restore may take them away. */
inline look() { if :: !restored -> known[me] = led.n :: else fi }

inline append() {
#ifndef SHOWN_ONLY
  assert(!forgot && !torn);                                                  /* 8 */
#endif
  led.n++; grown = restored; look(); holds()
}

inline crash() { if :: crashes < CRASHES -> crashes++; goto leave :: true fi }

inline charge(k) { led.charged[k]++; paid[k] = true; append() }

/* The version becomes visible: renamed into place, and never taken back. */
inline expose(k, x) {
  if
  :: x == 0 || shown[k] == x
  :: else ->
     assert(paid[k]);                                                        /* 2 */
     assert(shown[k] == 0);                                                  /* 3 */
     shown[k] = x;
     assert((shown[0] != 0) + (shown[1] != 0) <= B)                          /* 1 */
  fi
}

proctype worker(byte me) {
  byte k, left, seq, held;

end_again:
  atomic {
    /* pipeline/session.go: lock, open, look at the public folder */
#ifdef LEASE
    epoch < CRASHES + 2 -> epoch++; held = epoch;   /* the old holder's time is over, and it may not know */
#elif !defined(NO_LOCK)
    lock == NOBODY -> lock = me;
#endif
    left = K
  }
  atomic {
    look();
    if
#ifndef NO_WITNESS
    :: forgot || STRAY -> goto leave
#endif
    :: else
    fi
  }
#ifdef REFUND_ON_CRASH
  atomic {
    do
    :: k < K && led.charged[k] && !led.held[k] -> led.charged[k] = 0; led.sealed[k] = 0; file[k] = 0; append(); k++
    :: k < K && !(led.charged[k] && !led.held[k]) -> k++
    :: k == K -> break
    od
  }
#endif

  /* privacy/measure.go, for the keys that are due */
  do
  :: left > 0 ->
     atomic {
       left--; k = left;
       if :: true :: goto next fi                                            /* it may not be due */
     }
     atomic {
       if :: REPLACED(true) -> goto leave :: else -> look() fi;
       if
       :: led.burnt[k] -> goto next
#ifndef NO_SEAL
       :: !led.burnt[k] && led.sealed[k] -> goto next                        /* once */
#endif
#ifdef CHARGE_LATE
       :: !led.burnt[k] && !led.sealed[k] -> skip
#else
       :: !led.burnt[k] && !led.sealed[k] && led.charged[k] -> skip          /* an earlier run died: same charge */
       :: !led.burnt[k] && !led.sealed[k] && !led.charged[k] ->
          if :: SPENT(led) < B -> charge(k) :: else -> goto next fi
#endif
       fi
     }
     crash();
     atomic {
       id[me] = 1;
       do :: USED(k, id[me]) -> id[me]++ :: else -> break od;
       if :: gone[me] :: else -> drawn[k] = true fi;
#if !defined(CHARGE_LATE) && !defined(SHOWN_ONLY)
       assert(drawn[0] + drawn[1] <= B)                                      /* 1 */
#endif
     }
     crash();
#ifdef NO_SEAL
     at[me].sealed[k] = id[me];
#else
     atomic {
       if :: REPLACED(false) -> goto leave :: else -> look() fi;
       if
#if defined(SEAL_OVER)
       :: !led.burnt[k] && led.charged[k] -> skip
#elif defined(CHARGE_LATE)
       :: !led.burnt[k] && !led.sealed[k] -> skip
#elif defined(BURN_REDRAWS)
       :: led.charged[k] && !led.sealed[k] -> skip
#else
       :: !led.burnt[k] && led.charged[k] && !led.sealed[k] -> skip
#endif
       :: else -> goto leave                                                 /* burnt, or sealed by another, meanwhile */
       fi;
       file[k] = id[me];                                                     /* over what a crash has left */
       crash();
       led.sealed[k] = id[me]; append(); id[me] = 0
     }
     crash();
#endif
next: skip
  :: left == 0 -> break
  od;

  /* pipeline/compose.go: compose, put, record, point */
  atomic {
    k = 0; id[me] = 0;
    if :: REPLACED(false) -> goto leave :: else -> look() fi;
#ifdef NO_SEAL
    if :: at[me].sealed[0] == 0 && at[me].sealed[1] == 0 -> goto leave :: else fi;
    at[me].n = led.n
#else
    /* A sealed file that is not what was sealed stops the run; nothing new makes no version. */
    if :: (led.sealed[0] && file[0] != led.sealed[0]) || (led.sealed[1] && file[1] != led.sealed[1]) -> goto leave :: else fi;
    if :: !(led.sealed[0] && !led.held[0]) && !(led.sealed[1] && !led.held[1]) ->
          if :: latest < led.last -> latest = led.last :: else fi;           /* mend */
          goto leave
       :: else
    fi;
    COPY(at[me], led)
#endif
  }
  crash();
#ifdef POINT_EARLY
  atomic { latest = versions + 1 }
  crash();
#endif
  atomic {
    versions++; seq = versions;
    expose(0, at[me].sealed[0]); expose(1, at[me].sealed[1]);
    if
    :: lost[me] -> forgot = true                                             /* its head is in no chain any more */
    :: !lost[me] && forgot -> apart = true
    :: else
    fi;
    if :: !quiet && !(restored && !lost[me]) && at[me].n > wit.n -> COPY(wit, at[me]) :: else fi
  }
  crash();
#ifdef CHARGE_LATE
  atomic { if :: at[me].sealed[0] && !led.charged[0] && SPENT(led) < B -> charge(0) :: else fi;
           if :: at[me].sealed[1] && !led.charged[1] && SPENT(led) < B -> charge(1) :: else fi }
#endif
  atomic {
    if :: REPLACED(false) || seq <= led.last -> goto leave :: else -> look() fi;
    led.last = seq;
    led.held[0] = led.held[0] || at[me].sealed[0]; led.held[1] = led.held[1] || at[me].sealed[1];
    append()
  }
  crash();
  atomic { if :: seq > latest -> latest = seq :: else fi }

leave:                                                                       /* or died: the memory is gone, the lock free */
  atomic {
    assert(latest <= versions);                                              /* 13 */
    CLEAR(at[me]); k = 0; seq = 0; held = 0; left = 0; id[me] = 0; known[me] = 0; gone[me] = false; lost[me] = false;
    if :: lock == me -> lock = NOBODY :: else fi;
    goto end_again
  }
}

/* A person gives up a release that is charged and not sealed, once. */
proctype give_up() {
  byte k;
end_wait:
  atomic {
    if
    :: !forgot && !torn && led.charged[0] && !led.sealed[0] && !led.burnt[0] -> k = 0
    :: !forgot && !torn && led.charged[1] && !led.sealed[1] && !led.burnt[1] -> k = 1
    fi;
    led.burnt[k] = true; led.n++; grown = restored;
#ifdef BURN_REFUNDS
    led.charged[k] = 0; led.burnt[k] = false;
#endif
    holds(); k = 0
  }
}

/* A backup at any moment, put back at any later one, and then unlock, which may die. */
proctype operator() {
  byte k;
#ifndef NO_RESTORE
  atomic { COPY(bak, led); bakfile[0] = file[0]; bakfile[1] = file[1] }
  atomic {
    COPY(led, bak); restored = true; most = SPENT(led);
    forgot = wit.n > bak.n;
    gone[0] = known[0] > bak.n; lost[0] = at[0].n > bak.n; known[0] = 0;
    gone[1] = known[1] > bak.n; lost[1] = at[1].n > bak.n; known[1] = 0;
    if
    :: file[0] = bakfile[0]; file[1] = bakfile[1]   /* the whole folder */
    :: skip                                         /* ledger.db alone */
    fi;
    CLEAR(bak); bakfile[0] = 0; bakfile[1] = 0;
    /* Draws that nobody saw, of releases that nobody remembers. */
    drawn[0] = led.charged[0] && drawn[0] || shown[0]; drawn[1] = led.charged[1] && drawn[1] || shown[1];
#ifdef LEASE
    epoch++                                         /* a restored ledger is held by nobody */
#endif
  }
end_wait:
  atomic {
    if
    :: quiet = true; CLEAR(wit); goto over          /* nobody unlocks */
#if !defined(NO_LOCK) && !defined(LEASE)
    :: lock == NOBODY && forgot && !apart && !grown  /* a chain that went its own way is not joined */
#else
    :: forgot && !apart && !grown
#endif
    fi;
#ifndef UNLOCK_FORGETS
    COPY(led, wit); torn = true;
    if :: wit.sealed[0] -> file[0] = wit.sealed[0] :: else fi;
    if :: wit.sealed[1] -> file[1] = wit.sealed[1] :: else fi;
#endif
    forgot = false; quiet = true; CLEAR(wit); gone[0] = true; gone[1] = true;
#ifdef UNLOCK_TORN
  }
  if :: true :: goto over fi;                       /* it dies */
  atomic {
#endif
    if
    :: torn ->
       do
       :: k < K && !led.charged[k] && SPENT(led) < B -> led.charged[k] = 1; led.burnt[k] = true; paid[k] = true; led.n++; k++
       :: k < K && (led.charged[k] || SPENT(led) >= B) -> k++
       :: k == K -> break
       od;
       led.n++; torn = false; k = 0
    :: else
    fi;
    led.last = versions; led.held[0] = shown[0] && led.sealed[0]; led.held[1] = shown[1] && led.sealed[1];
    holds()
  }
#endif
over: skip
}

init {
  atomic { run worker(0); run worker(1); run give_up(); run operator() }
}
