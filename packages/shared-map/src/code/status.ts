/** What the compiled code answers. */
export const status = {
  done: 0,
  absent: 1,
  /** The lock is another's, or a reader was disturbed again and again. */
  busy: 2,
  full: 3,
  /** The index has to be written anew before anything can be put: `rebuild`. */
  rebuild: 4,
  /** The lock was taken away: somebody declared this thread dead. */
  lost: 5,
  /** The lock is held, readers are still inside: wait until `drained`. */
  draining: 6,
  /** This thread holds a lock of this map already. */
  reentered: 7,
  /** Not a key that the core can read by itself: too long, or with characters above U+00FF. */
  otherKey: 8,
} as const

/** What `get` and `peek` of bytes answer in the place of a length. */
export const lengths = { absent: -1, busy: -2 } as const
