import { describe } from '@qps/core'
import { traceStateError } from '../errors.ts'
import { traceLimits } from '../options.ts'
import { isKey, isValue } from './state-grammar.ts'

/** Members longer than this leave first when there is no room. Source: W3C Trace Context level 2, section 3.3.1.5. */
const longMember = 128

/**
 * What tracing systems tell each other about one request: at most 32 members, each a key of one system and its value, the one
 * that was changed last first. It never changes; `set` and `unset` give another one. Has the form that @opentelemetry/api asks of
 * a TraceState.
 *
 * Source: W3C Trace Context level 2, sections 3.3 and 3.5.
 */
export class TraceState {
  /** Without members. */
  static readonly empty: TraceState = new TraceState([])
  /** `key=value` each, valid, no key twice. */
  readonly #members: readonly string[]
  #text: string | undefined

  /** @param members checked already: for what is not, there are `parseTracestate` and {@link TraceState.set}. */
  constructor(members: readonly string[], text?: string) {
    this.#members = members
    this.#text = text
  }

  get size(): number {
    return this.#members.length
  }

  /** The value of a key, or undefined. */
  get(key: string): string | undefined {
    const at = this.#find(key)
    return at < 0 ? undefined : this.#members[at]!.slice(key.length + 1)
  }

  /**
   * With this member in front; one of the same key is replaced, and the last one leaves where there are 32.
   *
   * @throws QpsError QPS_TRACE_STATE where key or value is not what the grammar allows.
   */
  set(key: string, value: string): TraceState {
    if (!isKey(key)) throw traceStateError(`a key of tracestate cannot be ${describe(key)}`)
    if (!isValue(value)) throw traceStateError(`a value of tracestate cannot be ${describe(value)}`)
    const at = this.#find(key)
    const others = at < 0 ? this.#members : this.#members.toSpliced(at, 1)
    return new TraceState([`${key}=${value}`, ...others.slice(0, traceLimits.stateMembersMax - 1)])
  }

  /** Without this key. Meant for keys of one's own: other systems need theirs. */
  unset(key: string): TraceState {
    const at = this.#find(key)
    if (at < 0) return this
    return this.size === 1 ? TraceState.empty : new TraceState(this.#members.toSpliced(at, 1))
  }

  /** Keys and values, the one that was changed last first. */
  entries(): [key: string, value: string][] {
    return this.#members.map((member) => {
      const equals = member.indexOf('=')
      return [member.slice(0, equals), member.slice(equals + 1)]
    })
  }

  /** As one header, at most 4096 characters; empty where there are no members, and then not to be sent. */
  serialize(): string {
    return (this.#text ??= fitting(this.#members).join(','))
  }

  #find(key: string): number {
    return this.#members.findIndex((member) => member.charCodeAt(key.length) === 0x3d && member.startsWith(key))
  }
}

/** Whole members leave: long ones first, then any, both from the end. */
function fitting(members: readonly string[]): readonly string[] {
  let length = members.length - 1
  for (const member of members) length += member.length
  if (length <= traceLimits.stateLengthMax) return members
  const left = [...members]
  for (const leastLength of [longMember + 1, 0]) {
    for (let at = left.length - 1; at >= 0 && length > traceLimits.stateLengthMax; at--) {
      if (left[at]!.length < leastLength) continue
      length -= left[at]!.length + 1
      left.splice(at, 1)
    }
  }
  return left
}
