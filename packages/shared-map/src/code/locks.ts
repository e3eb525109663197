import { apartBytes, contendedBit, ownerAt, shardAt } from '../layout.ts'
import { block, branchIf, type Code, drop, giveBack, i32, loop, notify, sequence, when } from '../wasm/code.ts'
import type { Declared, Variable } from '../wasm/program.ts'
import { constant, type MapCode, readersLock } from './map-program.ts'
import { status } from './status.ts'

/** Looks at a lock that another holds, before the thread goes to sleep: about as long as a short write takes. */
export const spinsMax = 100

/**
 * The lock of a shard is one word: 0, or the number of its owner, and a bit where somebody sleeps. It is taken by exchanging 0
 * for the number and given back by exchanging the number for 0; whoever finds the bit then wakes all who sleep. Sleeping is
 * done outside, by `Atomics.wait`, which has a timeout and sees an owner that is gone.
 *
 * Source: Drepper, Futexes Are Tricky (2011), the second mutex, with the owner in the place of the 1.
 */
export interface LockCode {
  /** `(header, shard)`: done, busy, draining or reentered. */
  readonly acquire: Declared
  /** `()`: gives back what `acquire` took: done or lost. */
  readonly release: Declared
  /** `(header)`: lets a reader in where readers count themselves: done or busy. */
  readonly enter: Declared
  /** `(header)`: lets it out again. */
  readonly leave: Declared
}

export function lockCode(code: MapCode): LockCode {
  const leave = leaveCode(code)
  return { acquire: acquireCode(code), release: releaseCode(code), enter: enterCode(code, leave), leave }
}

/** Where the shard that this thread holds has its locks and counters. */
export const heldHeader = (code: MapCode): Code =>
  i32.add(constant(code.layout.shards - apartBytes), i32.mul(code.held.get, constant(apartBytes)))

/** Goes on behind it when the word is 0, or after `spinsMax` looks. */
function spin(spins: Variable, word: Code): Code {
  return block((free) =>
    loop((again) =>
      sequence(
        branchIf(free, i32.eqz(word)),
        spins.set(i32.add(spins.get, constant(1))),
        branchIf(again, i32.ltU(spins.get, constant(spinsMax))),
      ),
    ),
  )
}

function acquireCode(code: MapCode): Declared {
  const { program, held, owner } = code
  return program.define(['i32', 'i32'], ['i32'], ([header, shard], local) => {
    const spins = local('i32')
    const take = i32.rmwCompareExchange(header!.get, shardAt.lock, constant(0), constant(owner))
    return sequence(
      when(held.get, giveBack(constant(status.reentered))),
      when(
        take,
        sequence(spin(spins, i32.load(header!.get, shardAt.lock)), when(take, giveBack(constant(status.busy)))),
      ),
      held.set(i32.add(shard!.get, constant(1))),
      readersLock(code.kind)
        ? sequence(
            spin(spins, i32.load(header!.get, shardAt.readers)),
            when(i32.load(header!.get, shardAt.readers), giveBack(constant(status.draining))),
          )
        : sequence(),
      constant(status.done),
    )
  })
}

function releaseCode(code: MapCode): Declared {
  const { program, held, owner } = code
  return program.define([], ['i32'], (_, local) => {
    const [header, seen] = [local('i32'), local('i32')]
    const give = (value: number): Code => i32.rmwCompareExchange(header.get, shardAt.lock, constant(value), constant(0))
    return sequence(
      header.set(heldHeader(code)),
      held.set(constant(0)),
      seen.set(give(owner)),
      when(i32.eq(seen.get, constant(owner)), giveBack(constant(status.done))),
      when(i32.ne(give(owner | contendedBit), constant(owner | contendedBit)), giveBack(constant(status.lost))),
      drop(notify(header.get, shardAt.lock, constant(-1))),
      constant(status.done),
    )
  })
}

/** This thread's note of the shard that it reads: should it die, the count can be put right. */
const reading = (code: MapCode, header: Code): Code =>
  i32.store(constant(code.layout.owners + apartBytes * code.owner), ownerAt.reading, header)

/**
 * A reader counts itself and then looks at the lock; a writer takes the lock and then looks at the count. One of them sees the
 * other, and a reader that sees a writer steps back: writers are not starved.
 */
function enterCode(code: MapCode, leave: Declared): Declared {
  return code.program.define(['i32'], ['i32'], ([header], local) => {
    const spins = local('i32')
    const lock = i32.load(header!.get, shardAt.lock)
    return sequence(
      spin(spins, lock),
      drop(i32.rmwAdd(header!.get, shardAt.readers, constant(1))),
      reading(code, header!.get),
      when(lock, sequence(leave.call(header!.get), giveBack(constant(status.busy)))),
      constant(status.done),
    )
  })
}

function leaveCode(code: MapCode): Declared {
  return code.program.define(['i32'], [], ([header]) =>
    sequence(
      drop(i32.rmwSub(header!.get, shardAt.readers, constant(1))),
      reading(code, constant(0)),
      when(i32.load(header!.get, shardAt.lock), drop(notify(header!.get, shardAt.readers, constant(-1)))),
    ),
  )
}
