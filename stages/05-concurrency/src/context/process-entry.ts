import { messageOf, QpsError } from '@qps/core'
import type { News, Order, ProcessSetup, Role, RoleModule, RoleName } from './process.ts'
import { endTracers, takeSpans } from './spans.ts'

/** How often spans and counts are handed to the process that shows them. */
const statePeriodMs = 100

/** A process loads only what its role needs. */
const roles: Record<RoleName, () => Promise<RoleModule>> = {
  client: () => import('./client.ts'),
  auth: () => import('./auth.ts'),
  order: () => import('./order.ts'),
  payment: () => import('./payment.ts'),
}

// A terminal sends its signals to the whole group of processes. The one that started this says when to end, and if it is gone, however
// it went, nothing here has a purpose.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())

const setup = JSON.parse(process.argv[2]!) as ProcessSetup
process.title = `qps-${setup.role}`
const tell = (news: News): void => {
  // It may be going just now, which is told by 'disconnect'.
  if (process.connected) process.send!(news, undefined, undefined, () => {})
}

try {
  const { start } = await roles[setup.role]()
  const role = await start(setup)
  const state = setInterval(() => tell({ news: 'state', counts: role.counts(), spans: takeSpans() }), statePeriodMs)
  process.on('message', (order: Order) => {
    if (order.order === 'answer') void answer(role, order.id, order.question)
    else void drain(role, order.limitMs, state)
  })
  tell({ news: 'serving', addresses: role.addresses })
} catch (error) {
  const own = error instanceof QpsError ? error : undefined
  tell({ news: 'failed', code: own?.code ?? 'QPS_PROCESS_FAILED', message: messageOf(error), hint: own?.hint })
  process.disconnect!()
}

async function answer(role: Role, id: number, question: unknown): Promise<void> {
  const given = await role.answer?.(question).catch((error: unknown) => ({ error: messageOf(error) }))
  tell({ news: 'answer', id, answer: given })
}

async function drain(role: Role, limitMs: number, state: NodeJS.Timeout): Promise<void> {
  await role.drain(limitMs)
  await endTracers()
  clearInterval(state)
  tell({ news: 'state', counts: role.counts(), spans: takeSpans() })
  process.disconnect!()
}
