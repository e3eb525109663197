/** Bounds and defaults of every profile. */
export const profileLimits = {
  /** How long a profile is taken where nobody says. */
  seconds: 5,
  secondsMax: 60,
  /**
   * Microseconds between two looks at a thread's stack. A look costs some microseconds, so this is well below a hundredth
   * of the thread's time.
   */
  cpuIntervalUs: 1_000,
  /**
   * Bytes between two sampled allocations, on average. V8 walks the stack for each: at a few hundred megabytes allocated a
   * second that is some thousand walks.
   */
  heapIntervalBytes: 65_536,
  /** Frames that a sampled allocation keeps. */
  stackDepthMax: 64,
  /** Of one thread. A CPU profile drops what comes later; a heap profile ends early, and says so. */
  samplesMax: 200_000,
  /** Threads that one profile covers: those that were started first. */
  threadsMax: 64,
  /** Collections of one thread that a trace keeps; more are counted. */
  collectionsMax: 20_000,
  /** Functions that a profile's table keeps: those that cost most. */
  functionsMax: 500,
  /** What a conversion may take before it is given up. */
  conversionMsMax: 30_000,
} as const

/** `cpu`: time; `allocations`: every byte that was allocated meanwhile; `live`: those of them that are still in use. */
export type ProfileKind = 'cpu' | 'allocations' | 'live'
