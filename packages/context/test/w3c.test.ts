import { background, childTrace, extractHttp, formatTraceparent, injectHttp, parseTraceparent } from '@qps/context'
import { seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'

/*
 * The 41 cases of the validation suite of W3C Trace Context level 2 (w3c/trace-context, test/test.py), in our words: a service is
 * asked with some fields, and asks others in turn. What it sends them is looked at.
 */

type Fields = [name: string, value: string][]
interface Sent {
  traceId: string
  parentId: string
  flags: number
  state: string
  get(key: string): string | undefined
}

const random = seededRandom(41)
const trace = '12345678901234567890123456789012'
const parent = '1234567890123456'
const valid = `00-${trace}-${parent}-01`

/** A service that takes part: a child of the trace for each of its calls. */
function ask(fields: Fields, calls = 1): Sent[] {
  using context = extractHttp(fields.flat())
  return Array.from({ length: calls }, () => {
    const headers = injectHttp(context.withTrace(childTrace(context.trace, random)), {} as Record<string, string>)
    const sent = parseTraceparent(headers['traceparent'])!
    expect(formatTraceparent(sent)).toBe(headers['traceparent'])
    const received = parseTraceparent(valid)!
    const state = extractHttp({ traceparent: formatTraceparent(received), tracestate: headers['tracestate'] }).trace!
      .state
    expect(state.serialize()).toBe(headers['tracestate'] ?? '')
    return { ...sent, state: state.serialize(), get: (key) => state.get(key) }
  })
}

const one = (...fields: Fields): Sent => ask(fields)[0]!
const withState = (...lines: string[]): Sent =>
  one(['traceparent', `00-${trace}-${parent}-00`], ...lines.map((line): [string, string] => ['tracestate', line]))

function expectGoesOn(sent: Sent): void {
  expect(sent.traceId).toBe(trace)
  expect(sent.parentId).not.toBe(parent)
}

function expectBeginsAnew(sent: Sent): void {
  expect(sent.traceId).not.toContain(trace.slice(1, -1))
  expect(sent.state).toBe('')
}

interface Case {
  name: string
  check(): void
}
const goesOn = (name: string, ...values: string[]): Case => ({
  name,
  check: () => values.forEach((value) => expectGoesOn(one(['traceparent', value]))),
})
const beginsAnew = (name: string, ...values: string[]): Case => ({
  name,
  check: () => values.forEach((value) => expectBeginsAnew(one(['traceparent', value], ['tracestate', 'foo=1']))),
})
const keeps = (name: string, ...lists: [lines: string[], expected: string][]): Case => ({
  name,
  check() {
    for (const [lines, expected] of lists) {
      const sent = withState(...lines)
      expectGoesOn(sent)
      expect(sent.state, lines.join(' | ')).toBe(expected)
    }
  },
})
const drops = (name: string, ...lists: string[][]): Case =>
  keeps(name, ...lists.map((lines): [string[], string] => [lines, '']))

const keyCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/'
const valueCharacters = Array.from({ length: 0x7f - 0x20 }, (_, at) => String.fromCharCode(0x20 + at))
  .filter((character) => character !== ',' && character !== '=')
  .join('')
const members = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `bar${String(at + 1).padStart(2, '0')}=${at + 1}`)
const tens = (count: number): string[] =>
  Array.from({ length: Math.ceil(count / 10) }, (_, line) =>
    members(count)
      .slice(line * 10, line * 10 + 10)
      .join(','),
  )
const z256 = `${'z'.repeat(256)}=1`
const longTenant = `${'t'.repeat(242)}@v=1`
const longSystem = `t@${'v'.repeat(15)}=1`

const cases: Case[] = [
  { name: 'nothing sent: a new trace', check: () => expect(one().state).toBe('') },
  goesOn('a traceparent and no tracestate', valid),
  {
    name: 'two traceparents, in two lines or joined to one',
    check() {
      const other = valid.replace('12-', '11-')
      expectBeginsAnew(one(['traceparent', other], ['traceparent', valid]))
      expectBeginsAnew(one(['traceparent', valid], ['Traceparent', valid]))
      expectBeginsAnew(one(['traceparent', `${other}, ${valid}`]))
    },
  },
  {
    name: 'fields of another name',
    check: () => ['trace-parent', 'trace.parent'].forEach((name) => expectBeginsAnew(one([name, valid]))),
  },
  {
    name: 'the name in any case',
    check: () => ['TraceParent', 'TrAcEpArEnT', 'TRACEPARENT'].forEach((name) => expectGoesOn(one([name, valid]))),
  },
  beginsAnew('version 00 with something behind it', `${valid}.`, `${valid}-what-the-future-will-be-like`),
  {
    name: 'version cc, as far as it is version 00',
    check() {
      const future = valid.replace('00-', 'cc-')
      for (const value of [future, `${future}-what-the-future-will-be-like`]) expectGoesOn(one(['traceparent', value]))
      expectBeginsAnew(one(['traceparent', `${future}.what-the-future-will-be-like`]))
    },
  },
  beginsAnew('version ff', valid.replace('00-', 'ff-')),
  beginsAnew('a version that is no number', valid.replace('00-', '.0-'), valid.replace('00-', '0.-')),
  beginsAnew('a version that is too long', `0${valid}`, `00${valid}`),
  beginsAnew('a version that is too short', valid.slice(1)),
  beginsAnew('a trace of zeroes', valid.replace(trace, '0'.repeat(32))),
  beginsAnew('a trace that is no number', valid.replace('-1234', '-.234'), valid.replace('012-', '01.-')),
  beginsAnew('a trace that is too long', valid.replace('012-', '0123-')),
  beginsAnew('a trace that is too short', valid.replace('012-', '01-')),
  beginsAnew('a parent of zeroes', valid.replace(`-${parent}-`, `-${'0'.repeat(16)}-`)),
  beginsAnew('a parent that is no number', valid.replace('3456-', '345.-'), valid.replace('2-1234', '2-.234')),
  beginsAnew('a parent that is too long', valid.replace('3456-', '34567-')),
  beginsAnew('a parent that is too short', valid.replace('3456-', '345-')),
  beginsAnew('flags that are no number', valid.replace(/01$/, '.0'), valid.replace(/01$/, '0.')),
  beginsAnew('flags that are too long', valid.replace(/01$/, '001')),
  beginsAnew('flags that are too short', valid.replace(/01$/, '1')),
  goesOn('white space around it', ` ${valid}`, `\t${valid}`, `${valid} `, `${valid}\t`, `\t ${valid} \t`),
  {
    name: 'a tracestate and no traceparent',
    check: () => ['foo=1', 'foo=1,bar=2'].forEach((value) => expect(one(['tracestate', value]).state).toBe('')),
  },
  keeps('both', [['foo=1,bar=2'], 'foo=1,bar=2']),
  {
    name: 'a state of another name',
    check: () =>
      ['trace-state', 'trace.state'].forEach((name) =>
        expect(one(['traceparent', valid], [name, 'foo=1']).state).toBe(''),
      ),
  },
  {
    name: 'the name of the state in any case',
    check: () =>
      ['TraceState', 'TrAcEsTaTe', 'TRACESTATE'].forEach((name) =>
        expect(one(['traceparent', valid], [name, 'foo=1']).get('foo')).toBe('1'),
      ),
  },
  keeps('empty lines', [[''], ''], [['foo=1', ''], 'foo=1'], [['', 'foo=1'], 'foo=1']),
  keeps('several lines, in their order', [
    ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'],
    'foo=1,bar=2,rojo=1,congo=2,baz=3',
  ]),
  keeps(
    'a key twice: the first is kept',
    [['foo=1,foo=1'], 'foo=1'],
    [['foo=1,foo=2'], 'foo=1'],
    [['foo=1', 'foo=1'], 'foo=1'],
    [['foo=1', 'foo=2'], 'foo=1'],
  ),
  keeps(
    'every character that is allowed',
    [[`${keyCharacters}=${valueCharacters}`], `${keyCharacters}=${valueCharacters}`],
    [[`${keyCharacters}@a-z0-9_-*/=${valueCharacters}`], `${keyCharacters}@a-z0-9_-*/=${valueCharacters}`],
  ),
  keeps(
    'white space around members',
    [['foo=1 \t , \t bar=2, \t baz=3'], 'foo=1,bar=2,baz=3'],
    [['foo=1\t \t,\t \tbar=2,\t \tbaz=3'], 'foo=1,bar=2,baz=3'],
    ...[' foo=1', '\tfoo=1', 'foo=1 ', 'foo=1\t', '\t foo=1 \t'].map((line): [string[], string] => [[line], 'foo=1']),
  ),
  drops('keys with characters that are not allowed', ['foo =1'], ['FOO=1'], ['foo.bar=1']),
  {
    name: 'an @ in front of a key, and an @ anywhere else',
    check() {
      drops('', ['@foo=1,bar=2']).check()
      for (const key of ['foo@', 'foo@@bar', 'foo@bar@baz']) expect(withState(`${key}=1,bar=2`).get(key)).toBe('1')
    },
  },
  keeps('32 members, and 33', [tens(32), members(32).join(',')], [tens(33), '']),
  keeps(
    'keys of 256 characters, and of 257',
    [['foo=1', z256], `foo=1,${z256}`],
    [['foo=1', `z${z256}`], ''],
    [['foo=1', longTenant], `foo=1,${longTenant}`],
    [['foo=1', longSystem], `foo=1,${longSystem}`],
  ),
  drops('values with characters that are not allowed', ['foo=bar=baz'], ['foo=,bar=3']),
  {
    name: 'three calls in one trace',
    check() {
      const sent = ask([['traceparent', valid]], 3)
      expect(new Set(sent.map(({ traceId }) => traceId))).toEqual(new Set([trace]))
      expect(new Set(sent.map(({ parentId }) => parentId)).size).toBe(3)
    },
  },
  {
    name: 'three calls without a trace',
    check: () => expect(new Set(ask([], 3).map(({ parentId }) => parentId)).size).toBe(3),
  },
  {
    name: 'three calls with a trace of zeroes',
    check() {
      const sent = ask([['traceparent', valid.replace(trace, '0'.repeat(32))]], 3)
      expect(sent.map(({ traceId }) => traceId)).not.toContain('0'.repeat(32))
      expect(new Set(sent.map(({ parentId }) => parentId)).size).toBe(3)
    },
  },
  {
    name: 'the flag that says that the trace is random',
    check: () => expect(one(['traceparent', valid.replace(/01$/, '02')]).flags).toBe(2),
  },
]

describe("W3C's validation suite", () => {
  test('all of its cases are here', () => expect(cases).toHaveLength(41))
  test.each(cases)('$name', ({ check }) => check())
})

test('where nothing is changed, both fields go on as they came', () => {
  const headers = { traceparent: valid, tracestate: 'foo=1,bar= 2' }
  expect(injectHttp(extractHttp(headers), {})).toEqual(headers)
  expect(injectHttp(background(), { ...headers })).toEqual({})
})
