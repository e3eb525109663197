import { Pool } from 'undici'
import { Gate } from './gate.ts'
import type { DispatcherOptions, HttpDispatcher } from './http-dispatcher.ts'
import { planDispatcher, shareOf, undiciLimits } from './options.ts'
import { createPicker } from './picker.ts'
import { dispatchOver } from './undici-handler.ts'

/**
 * Several undici Pools on one thread, each with its share of the connections. What the article does against a contended
 * lock (erratum E10); one thread has no lock to contend for, so what remains is shorter scans for a free connection,
 * against connections that idle in one shard while requests wait in another.
 */
export function createDispatcher(options: DispatcherOptions): HttpDispatcher {
  const { origin, connectionsMax, outstandingMax, parts, pick, pipelining } = planDispatcher(options)
  const connections = shareOf(connectionsMax, parts)
  const shards = Array.from({ length: parts }, () => new Pool(origin, { ...undiciLimits, connections, pipelining }))
  const pickShard = createPicker(pick, parts)
  const gate = new Gate(outstandingMax)
  const close = async (): Promise<void> => {
    gate.close()
    await Promise.all(shards.filter((shard) => !shard.destroyed).map((shard) => shard.close()))
  }
  return {
    kind: 'sharded',
    dispatch: (request, handler) => {
      if (!gate.enter(handler)) return
      dispatchOver(shards[pickShard(request.path)]!, origin, request, handler, gate.leave)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
