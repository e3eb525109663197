import { parentPort, workerData } from 'node:worker_threads'
import { type MemberContext, type Order, runMember } from './member.ts'

const { module, context } = workerData as { module: string; context: MemberContext }
const port = parentPort!

await runMember(
  {
    tell: (news) => port.postMessage(news),
    onOrder: (act) => void port.on('message', (order: Order) => act(order)),
    hangUp: () => port.close(),
  },
  module,
  context,
)
