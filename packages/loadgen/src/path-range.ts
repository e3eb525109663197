import { checkInteger, QpsError, seededRandom } from '@qps/core'

/** So many different requests, at most. */
export const rangeMax = 65_536
const rangePattern = /\[(\d{1,9})-(\d{1,9})\]/g
const orderSeed = 1

/** Does the URL stand for several targets? */
export function hasRange({ pathname, search }: URL): boolean {
  return (pathname + search).search(rangePattern) !== -1
}

/**
 * The targets that a URL's path and query stand for. `[first-last]` stands for each whole number of the range, as in curl;
 * without one there is one target, the text itself.
 *
 * @returns each once, in an order that looks random and is the same in every run: neighbours in a server's memory should not
 * be asked for one behind the other.
 * @throws QpsError QPS_OPTION for a second range, one that runs backwards, or one of more than 65,536 numbers.
 * @example pathsOf('/items/[1-3]') // ['/items/3', '/items/1', '/items/2'], in some such order
 */
export function pathsOf(target: string): string[] {
  const ranges = [...target.matchAll(rangePattern)]
  const [range, another] = ranges
  if (range === undefined) return [target]
  if (another !== undefined) {
    throw new QpsError('QPS_OPTION', `url must have one range, not ${range[0]} and ${another[0]}`, {
      hint: 'write the other part out, or start a second load',
    })
  }
  const first = Number(range[1])
  const count = 1 + checkInteger(`the end of ${range[0]} in url`, Number(range[2]), { min: first }) - first
  checkInteger(`numbers in ${range[0]} of url`, count, { max: rangeMax })
  const [before, after] = [target.slice(0, range.index), target.slice(range.index + range[0].length)]
  return shuffled(Array.from({ length: count }, (_, index) => `${before}${first + index}${after}`))
}

/** Fisher and Yates (1938), in place. */
function shuffled<Item>(items: Item[]): Item[] {
  const random = seededRandom(orderSeed)
  for (let left = items.length; left > 1; left--) {
    const chosen = Math.floor(random() * left)
    const last = items[left - 1]!
    items[left - 1] = items[chosen]!
    items[chosen] = last
  }
  return items
}
