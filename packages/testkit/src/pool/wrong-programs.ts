import { buffers, type Session, sessions, text, turn, write, type WrongProgram } from './wrong-program.ts'

/** Nothing clears the object between two requests. */
const noReset: WrongProgram = {
  mistake: 'no reset',
  run({ subject, mode }) {
    using pool = subject.objects<Session>({ mode, sizeMax: 1, create: () => ({ user: '' }) })
    {
      using lease = pool.acquire()
      lease.value.user = 'ada'
    }
    using lease = pool.acquire()
    return `the next request is ${lease.value.user}`
  },
  development: 'QPS_LEASE_DIRTY',
  production: { harm: 'the next request is ada' },
}

/** A reset that forgets a field which was added later. */
const halfReset: WrongProgram = {
  mistake: 'a reset that leaves a field',
  run({ subject, mode }) {
    const create = (): Session & { token?: string } => ({ user: '' })
    const reset = (session: Session): void => void (session.user = '')
    using pool = subject.objects({ mode, sizeMax: 1, create, reset })
    {
      using lease = pool.acquire()
      lease.value.token = 'secret'
    }
    using lease = pool.acquire()
    return `the next request has ${lease.value.token}`
  },
  development: 'QPS_LEASE_DIRTY',
  production: { harm: 'the next request has secret' },
}

const doubleRelease: WrongProgram = {
  mistake: 'double release',
  run(bench) {
    using pool = sessions(bench)
    const lease = pool.acquire()
    lease.release()
    lease.release()
    return 'nothing'
  },
  development: 'QPS_LEASE_TWICE',
  production: { error: 'QPS_LEASE_TWICE' },
}

/** As above, but somebody has acquired in between: the second release ends that one's lease. */
const lateDoubleRelease: WrongProgram = {
  mistake: 'double release, after somebody else acquired',
  run(bench) {
    using pool = sessions(bench)
    const first = pool.acquire()
    first.release()
    const second = pool.acquire()
    first.release()
    const third = pool.acquire()
    const shared = second.value === third.value
    third.release()
    return shared ? 'two requests hold the same object' : 'nothing'
  },
  development: 'QPS_LEASE_TWICE',
  production: { harm: 'two requests hold the same object' },
}

const releaseAndUsing: WrongProgram = {
  mistake: 'release in a using block',
  run(bench) {
    using pool = sessions(bench)
    using lease = pool.acquire()
    lease.release()
    return 'nothing'
  },
  development: 'QPS_LEASE_TWICE',
  production: { error: 'QPS_LEASE_TWICE' },
}

const useAfterRelease: WrongProgram = {
  mistake: 'use after release',
  run(bench) {
    using pool = sessions(bench)
    const lease = pool.acquire()
    lease.release()
    return lease.value.user
  },
  development: 'QPS_LEASE_RELEASED',
  production: { error: 'QPS_LEASE_RELEASED' },
}

const lateUseAfterRelease: WrongProgram = {
  mistake: 'use after release, after somebody else acquired',
  run(bench) {
    using pool = sessions(bench)
    const mine = pool.acquire()
    mine.release()
    using theirs = pool.acquire()
    theirs.value.user = 'bob'
    return `shown ${mine.value.user}`
  },
  development: 'QPS_LEASE_RELEASED',
  production: { harm: 'shown bob' },
}

const forgottenRelease: WrongProgram = {
  mistake: 'forgotten release',
  run(bench) {
    using pool = sessions(bench)
    pool.acquire().value.user = 'ada'
    return `${pool.stats().held} of 1 is held for ever`
  },
  development: 'QPS_LEASE_LEAKED',
  production: { harm: '1 of 1 is held for ever' },
}

/** The release stands where it is not reached: what `using`, and `defer` in Go, are for. */
const releaseSkippedByAnError: WrongProgram = {
  mistake: 'a release that an error skips',
  run(bench) {
    using pool = sessions(bench)
    const handle = (): void => {
      const lease = pool.acquire()
      if (lease.value.user === '') throw new Error('nobody is logged in')
      lease.release()
    }
    try {
      handle()
    } catch {
      // A server answers 500 and goes on.
    }
    return `${pool.stats().held} of 1 is held for ever`
  },
  development: 'QPS_LEASE_LEAKED',
  production: { harm: '1 of 1 is held for ever' },
}

/** The handler does not wait for the task that it gave its lease to. What is a data race elsewhere is aliasing here. */
const twoHolders: WrongProgram = {
  mistake: 'two holders across an await',
  async run(bench) {
    using pool = sessions(bench)
    const lease = pool.acquire()
    const remember = async (): Promise<void> => {
      await turn()
      lease.value.user = 'ada'
    }
    const remembered = remember()
    lease.release()
    using theirs = pool.acquire()
    theirs.value.user = 'bob'
    await remembered
    return `bob is ${theirs.value.user}`
  },
  development: 'QPS_LEASE_RELEASED',
  production: { harm: 'bob is ada' },
}

const leaseInAClosure: WrongProgram = {
  mistake: 'a lease kept in a closure',
  run(bench) {
    using pool = sessions(bench)
    const logLater: (() => string)[] = []
    {
      using lease = pool.acquire()
      logLater.push(() => `served ${lease.value.user}`)
    }
    using theirs = pool.acquire()
    theirs.value.user = 'bob'
    return logLater[0]!()
  },
  development: 'QPS_LEASE_RELEASED',
  production: { harm: 'served bob' },
}

/** The lease is gone, the object that it gave is not. */
const objectKept: WrongProgram = {
  mistake: 'an object written to after its release',
  run(bench) {
    using pool = sessions(bench)
    const lease = pool.acquire()
    const session = lease.value
    lease.release()
    session.user = 'ada'
    using theirs = pool.acquire()
    return `the next request is ${theirs.value.user}`
  },
  development: 'QPS_LEASE_WRITTEN',
  production: { harm: 'the next request is ada' },
}

const writeAfterRelease: WrongProgram = {
  mistake: 'write after release into a buffer',
  run(bench) {
    using pool = buffers(bench)
    const lease = pool.acquire(16)
    const { bytes } = lease
    lease.release()
    write(bytes, 'ada')
    using theirs = pool.acquire(16)
    return `the next request has ${text(theirs.bytes.subarray(0, 3))}`
  },
  development: 'QPS_LEASE_WRITTEN',
  production: { harm: 'the next request has ada' },
}

const viewKept: WrongProgram = {
  mistake: 'a view kept after release',
  run(bench) {
    using pool = buffers(bench)
    const lease = pool.acquire(16)
    const view = lease.bytes.subarray(0, 3)
    lease.release()
    using theirs = pool.acquire(16)
    write(theirs.bytes, 'bob')
    return `shown ${text(view.slice())}`
  },
  development: 'TypeError',
  production: { harm: 'shown bob' },
}

/** The answer is sent after the buffer was given back: it carries the next request's bytes. */
const bufferReleasedTooEarly: WrongProgram = {
  mistake: 'a buffer released before it was sent',
  async run(bench) {
    using pool = buffers(bench)
    const send = async (lease: { bytes: Uint8Array }): Promise<string> => {
      await turn()
      return text(lease.bytes.subarray(0, 3))
    }
    const lease = pool.acquire(16)
    write(lease.bytes, 'ada')
    const sent = send(lease)
    lease.release()
    using theirs = pool.acquire(16)
    write(theirs.bytes, 'bob')
    return `ada is sent ${await sent}`
  },
  development: 'QPS_LEASE_RELEASED',
  production: { harm: 'ada is sent bob' },
}

/** Each of them is found in development; `production` says which are found there, and what the others do. */
export const wrongPrograms: readonly WrongProgram[] = [
  noReset,
  halfReset,
  doubleRelease,
  lateDoubleRelease,
  releaseAndUsing,
  useAfterRelease,
  lateUseAfterRelease,
  forgottenRelease,
  releaseSkippedByAnError,
  twoHolders,
  leaseInAClosure,
  objectKept,
  writeAfterRelease,
  viewKept,
  bufferReleasedTooEarly,
]
