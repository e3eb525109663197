import type { Counterexample } from './counterexample.ts'
import { type Datum, datumText, type Operation, operationText } from './operation.ts'

/** More would fill more than a screen: the last ones are drawn. */
const operationsMax = 40
/** Columns from one call or return to the next. */
const stepColumns = 2

/**
 * A counterexample as intervals, a line for each operation in the order of their calls:
 *
 *     key "a": no order explains what follows
 *     thread 0  ├─┤          set(1)
 *     thread 0      ├─┤      set(2)
 *               from here on, where it is 2
 *     thread 1          ├─┤  get() → 1  ← nothing is possible any more
 *
 * What is drawn before the line is the story so far; what is drawn behind it has no order, whatever the story was. Only the order of calls and returns is to scale. An operation that returns later, or never, has no right end.
 */
export function drawing({ key, story, states, operations, operation }: Counterexample<Datum>): string {
  const byCall = operations.toSorted((left, right) => left.calledAt - right.calledAt)
  const drawn = byCall.slice(-operationsMax)
  const shown = [...story, ...drawn]
  const ranks = ranksOf(shown, operation.returnedAt)
  const width = ranks.size * stepColumns
  const threadWidth = Math.max(...shown.map(({ thread }) => String(thread).length))
  const line = (each: Operation): string => {
    const mark = each === operation ? '  ← nothing is possible any more' : ''
    const who = `thread ${String(each.thread).padStart(threadWidth)}`
    return `${who}  ${bar(each, ranks).padEnd(width)} ${operationText(each)}${mark}`
  }
  const omitted = byCall.length - drawn.length
  const before = ' '.repeat('thread '.length + threadWidth + 2)
  return [
    `key ${JSON.stringify(key)}: no order explains what follows`,
    ...story.map(line),
    `${before}from here on, where it is ${states.map(datumText).join(' or ')}`,
    ...(omitted > 0 ? [`${before}${omitted} operations are not drawn`] : []),
    ...drawn.map(line),
  ].join('\n')
}

/** The place of each stamp among all, up to the last return that matters. */
function ranksOf(operations: readonly Operation[], endAt: number): Map<number, number> {
  const stamps = operations.flatMap(({ calledAt, returnedAt }) => [calledAt, returnedAt]).filter((at) => at <= endAt)
  return new Map([...new Set(stamps)].toSorted((left, right) => left - right).map((stamp, rank) => [stamp, rank]))
}

function bar({ calledAt, returnedAt }: Operation, ranks: ReadonlyMap<number, number>): string {
  const from = ranks.get(calledAt)! * stepColumns
  const end = ranks.get(returnedAt)
  const before = ' '.repeat(from)
  if (end === undefined) return `${before}├${'─'.repeat(ranks.size * stepColumns - from - 1)}`
  return end * stepColumns === from ? `${before}│` : `${before}├${'─'.repeat(end * stepColumns - from - 1)}┤`
}
