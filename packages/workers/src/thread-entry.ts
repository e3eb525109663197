import { lendThread } from '@qps/profile'
import { parentPort, workerData } from 'node:worker_threads'
import { type MemberContext, type Order, runMember } from './member.ts'

const { module, context } = workerData as { module: string; context: MemberContext }
const port = parentPort!
// Some of a profile each thread has to do for itself. This waits for a question, and keeps no thread alive.
lendThread()

await runMember(
  {
    tell: (news) => port.postMessage(news),
    onOrder: (act) => void port.on('message', (order: Order) => act(order)),
    hangUp: () => port.close(),
  },
  module,
  context,
)
