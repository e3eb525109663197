import { type MemberContext, type Order, runMember } from './member.ts'

const { module, context } = JSON.parse(process.argv[2]!) as { module: string; context: MemberContext }

// A terminal sends its signals to the whole group of processes. The primary says when to end; without it there is no reason
// to stay.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())

await runMember(
  {
    tell: (news) => void process.send!(news),
    onOrder: (act) => void process.on('message', (order: Order) => act(order)),
    hangUp: () => process.disconnect?.(),
  },
  module,
  context,
)
