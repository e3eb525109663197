import { Agent } from 'undici'
import { Gate } from './gate.ts'
import type { DispatcherOptions, HttpDispatcher } from './http-dispatcher.ts'
import { planDispatcher, undiciLimits } from './options.ts'
import { dispatchOver } from './undici-handler.ts'

/** One undici Agent for everybody: what most programs have. */
export function createDispatcher(options: DispatcherOptions): HttpDispatcher {
  const { origin, connectionsMax, outstandingMax, pipelining } = planDispatcher(options)
  const agent = new Agent({ ...undiciLimits, connections: connectionsMax, pipelining })
  const gate = new Gate(outstandingMax)
  const close = async (): Promise<void> => {
    gate.close()
    if (!agent.destroyed) await agent.close()
  }
  return {
    kind: 'shared',
    dispatch: (request, handler) => {
      if (gate.enter(handler)) dispatchOver(agent, origin, request, handler, gate.leave)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
