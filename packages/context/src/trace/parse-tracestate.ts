import { traceLimits } from '../options.ts'
import { isKey, isValue } from './state-grammar.ts'
import { TraceState } from './trace-state.ts'
import { dropSpaces, skipSpaces } from './whitespace.ts'

/**
 * Reads a tracestate. Linear in its length, allocates a string per member, never throws.
 *
 * White space around members is dropped, empty members are nothing. One member that is not valid, or a 33rd one, drops all of
 * them: what is left would be a part, and nobody could tell. Of a key that occurs more than once the first is kept, which is
 * the latest: upstream has broken the rule, its trace need not suffer for it.
 *
 * @param lines the value of the header, or of each of its lines in the order received; they are one list.
 * @returns the state; {@link TraceState.empty} where there is none, or none that is valid.
 * Source: W3C Trace Context level 2, section 3.3; RFC 9110, section 5.3.
 */
export function parseTracestate(lines: string | readonly string[] | undefined): TraceState {
  if (lines === undefined) return TraceState.empty
  const reading = new Reading()
  if (typeof lines === 'string') return reading.take(lines) ? reading.state(lines) : TraceState.empty
  for (const line of lines) if (!reading.take(line)) return TraceState.empty
  return reading.state(lines.length === 1 ? lines[0] : undefined)
}

class Reading {
  readonly #members: string[] = []
  readonly #keys: string[] = []
  #count = 0
  #length = 0
  /** What the text would be if it were written anew. */
  #writtenLength = 0

  /** @returns false where the list is not valid. */
  take(line: string): boolean {
    this.#length += line.length
    if (this.#length > traceLimits.stateInputLengthMax) return false
    for (let start = 0; start <= line.length;) {
      const comma = line.indexOf(',', start)
      const end = comma < 0 ? line.length : comma
      if (!this.#member(line, start, end)) return false
      start = end + 1
    }
    return true
  }

  #member(line: string, from: number, to: number): boolean {
    const start = skipSpaces(line, from, to)
    const end = dropSpaces(line, start, to)
    if (start === end) return true
    const equals = line.indexOf('=', start)
    if (equals < 0 || equals >= end || ++this.#count > traceLimits.stateMembersMax) return false
    if (!isKey(line, start, equals) || !isValue(line, equals + 1, end)) return false
    const key = line.slice(start, equals)
    if (this.#keys.includes(key)) return true
    this.#keys.push(key)
    this.#members.push(line.slice(start, end))
    this.#writtenLength += end - start + 1
    return true
  }

  /** @param text the whole input where it was one line: it is what will be sent, if nothing had to be left out of it. */
  state(text: string | undefined): TraceState {
    if (this.#members.length === 0) return TraceState.empty
    const same = text?.length === this.#writtenLength - 1 && text.length <= traceLimits.stateLengthMax
    return new TraceState(this.#members, same ? text : undefined)
  }
}
