import { type MemberContext, type Order, runMember } from './member.ts'

const { module, context } = JSON.parse(process.argv[2]!) as { module: string; context: MemberContext }

// A terminal sends its signals to the whole group of processes. The primary says when to end; without it there is no reason
// to stay.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())

// An order may come before there is anybody to act on it: the group can be drained while this one replaces another.
const early: Order[] = []
let act = (order: Order): void => void early.push(order)
process.on('message', (order: Order) => act(order))

await runMember(
  {
    tell: (news) => void process.send!(news),
    onOrder(next) {
      act = next
      for (const order of early.splice(0)) next(order)
    },
    hangUp: () => process.disconnect?.(),
  },
  module,
  context,
)
