import {
  childTrace,
  formatTraceBytes,
  formatTraceparent,
  isSampled,
  parseTraceBytes,
  parseTraceparent,
  parseTracestate,
  startTrace,
  type TraceContext,
  traceFlags,
  traceLimits,
  TraceState,
} from '@qps/context'
import { seededRandom } from '@qps/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const example = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const random = seededRandom(7)
const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits })
    .filter((id) => /[^0]/.test(id))
const places: fc.Arbitrary<TraceContext> = fc.record({
  traceId: hex(32),
  parentId: hex(16),
  flags: fc.integer({ min: 0, max: 3 }),
  state: fc.constant(TraceState.empty),
})
/** Text that is nearly right: an example with a few characters changed, added or taken away. */
const nearly = (text: string): fc.Arbitrary<string> =>
  fc
    .array(
      fc.tuple(
        fc.nat(text.length),
        fc.nat(2),
        fc.constantFrom('', '-', ',', ' ', '\t', '0', 'f', 'F', 'g', '=', 'é', '\0'),
      ),
    )
    .map((edits) => edits.reduce((all, [at, cut, put]) => all.slice(0, at) + put + all.slice(at + cut), text))

describe('traceparent', () => {
  test('is read and written', () => {
    expect(parseTraceparent(example)).toEqual({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentId: 'b7ad6b7169203331',
      flags: 1,
      state: TraceState.empty,
    })
    fc.assert(
      fc.property(places, (each) => {
        expect(parseTraceparent(formatTraceparent(each))).toEqual(each)
      }),
    )
  })

  test('flags that nobody knows are dropped, of whatever version', () => {
    for (const version of ['00', '01', 'fe']) {
      const parsed = parseTraceparent(`${version}-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff`)!
      expect(parsed.flags).toBe(traceFlags.sampled | traceFlags.random)
      expect(formatTraceparent(parsed)).toMatch(/^00-.*-03$/)
    }
    expect(formatTraceparent({ ...parseTraceparent(example)!, flags: 0xff })).toMatch(/-03$/)
  })

  test.each([
    example.toUpperCase(),
    example.replace('0af', '0AF'),
    example.replaceAll('-', '_'),
    example.replace('c-b', 'c=b'),
    `01${example.slice(2)},x`,
    `01${example.slice(2)}-${'x'.repeat(512)}`,
    `01${example.slice(2)}-a, ${example}`,
    ` ${example.slice(1)}`,
    `${example}\r\n`,
    `${example}\0`,
    '',
    '-'.repeat(55),
  ])('is not %j', (value) => expect(parseTraceparent(value)).toBeUndefined())

  test('of several lines there is none', () => {
    expect(parseTraceparent([example, example])).toBeUndefined()
    expect(parseTraceparent([])).toBeUndefined()
    expect(parseTraceparent(undefined)).toBeUndefined()
    expect(parseTraceparent([example])).toEqual(parseTraceparent(example))
  })

  test('agrees with the grammar on what is nearly right', () => {
    const grammar =
      /^[ \t]*(?!ff)(?:00-(?<a>[0-9a-f]{32})-(?<b>[0-9a-f]{16})-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-(?<c>[0-9a-f]{32})-(?<d>[0-9a-f]{16})-[0-9a-f]{2}(?:-[^,]*)?)[ \t]*$/s
    fc.assert(
      fc.property(fc.oneof(nearly(example), nearly(example.replace('00-', 'a0-'))), (text) => {
        const groups = grammar.exec(text)?.groups
        const ids = [groups?.['a'] ?? groups?.['c'] ?? '', groups?.['b'] ?? groups?.['d'] ?? '']
        const isOne = ids.every((id) => /[^0]/.test(id)) && text.length <= traceLimits.traceparentLengthMax
        expect(parseTraceparent(text) !== undefined, JSON.stringify(text)).toBe(isOne)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a place in a trace', () => {
  test('a child has its own id and everything else of its parent', () => {
    const parent = { ...startTrace(random, { sampled: true }), state: TraceState.empty.set('foo', '1') }
    const child = childTrace(parent, random)
    expect(child).toEqual({ ...parent, parentId: expect.stringMatching(/^[0-9a-f]{16}$/) })
    expect(child.parentId).not.toBe(parent.parentId)
  })

  test('a new trace is random, and sampled where it was said', () => {
    const [one, other] = [startTrace(random), childTrace(undefined, random)]
    expect([one.flags, other.flags]).toEqual([traceFlags.random, traceFlags.random])
    expect(one.traceId).not.toBe(other.traceId)
    expect([isSampled(one), isSampled(startTrace(random, { sampled: true }))]).toEqual([false, true])
  })

  test('ids are never all zero, whatever the numbers are', () => {
    const place = startTrace(() => 0)
    expect(parseTraceparent(formatTraceparent(place))).toEqual(place)
    expect(startTrace(() => 1 - 2 ** -32).traceId).toBe('f'.repeat(32))
  })
})

describe('tracestate', () => {
  const key = fc
    .string({ unit: fc.constantFrom(...'abz019_-*/@'), minLength: 1, maxLength: 20 })
    .filter((text) => /^[a-z0-9]/.test(text))
  const value = fc
    .string({ unit: fc.constantFrom(...' !~az;:"'), minLength: 1, maxLength: 20 })
    .filter((text) => !text.endsWith(' '))
  const lists = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 32 })
  const written = (list: readonly (readonly [string, string])[]): string =>
    list.map((member) => member.join('=')).join(',')

  test('what is valid is read and written, however it is spaced and split', () => {
    const gap = fc.constantFrom('', ' ', '\t', ' \t ')
    fc.assert(
      fc.property(
        lists,
        fc.infiniteStream(fc.tuple(gap, gap, fc.constantFrom(',', ',,', ', ,', '\n'))),
        (list, spacing) => {
          let text = ''
          for (const [name, content] of list) {
            const [before, behind, comma] = spacing.next().value
            text += `${before}${name}=${content}${behind}${comma}`
          }
          const state = parseTracestate(text.split('\n'))
          expect(state.entries()).toEqual(list)
          expect(state.serialize()).toBe(written(list))
          expect(parseTracestate(state.serialize()).serialize()).toBe(written(list))
          for (const [name, content] of list) expect(state.get(name)).toBe(content)
        },
      ),
    )
  })

  test('agrees with the grammar on what is nearly right', () => {
    const member = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
    const judge = (text: string): string => {
      const found = text
        .split(',')
        .map((each) => each.replace(/^[ \t]+|[ \t]+$/g, ''))
        .filter((each) => each !== '')
      if (found.length > 32 || !found.every((each) => member.test(each))) return ''
      const keys = found.map((each) => each.slice(0, each.indexOf('=')))
      return found.filter((_, at) => keys.indexOf(keys[at]!) === at).join(',')
    }
    fc.assert(
      fc.property(nearly('rojo=00f067aa0ba902b7, fw529a3039@dt=FfwxNzU7,congo=t61rcWkgMzE'), (text) => {
        expect(parseTracestate(text).serialize(), JSON.stringify(text)).toBe(judge(text))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    'foo',
    '=1',
    'foo=a\tb',
    'foo=é',
    'foo=\0',
    `foo=${'x'.repeat(257)}`,
    'foo=1,é',
    '__proto__=1',
    '-foo=1',
    'foo=1;,=',
  ])('one member that is not valid drops all: %j', (text) => expect(parseTracestate(`a=1,${text},z=2`).size).toBe(0))

  test('names that objects have are keys like any other', () => {
    const state = parseTracestate('constructor=1,tostring=2,a__proto__=3')
    expect(state.entries()).toEqual([
      ['constructor', '1'],
      ['tostring', '2'],
      ['a__proto__', '3'],
    ])
    expect([state.get('__proto__'), state.get('toString'), state.get(''), state.get('construct')]).toEqual(
      Array.from({ length: 4 }),
    )
  })

  test('what is changed comes to the front, the others keep their order', () => {
    const state = parseTracestate('a=1,b=2,c=3')
    expect(state.set('c', '4').serialize()).toBe('c=4,a=1,b=2')
    expect(state.set('d', ' 5').serialize()).toBe('d= 5,a=1,b=2,c=3')
    expect(state.unset('b').serialize()).toBe('a=1,c=3')
    expect(state.unset('x')).toBe(state)
    expect(state.unset('a').unset('b').unset('c')).toBe(TraceState.empty)
    expect(state.serialize()).toBe('a=1,b=2,c=3')
  })

  test('a 33rd member pushes the last one out', () => {
    let state = TraceState.empty
    for (let at = 0; at < 40; at++) state = state.set(`k${at}`, 'v')
    expect([state.size, state.get('k39'), state.get('k8'), state.get('k7')]).toEqual([32, 'v', 'v', undefined])
  })

  test('members that cannot be are refused', () => {
    for (const [name, content] of [
      ['@a', '1'],
      ['A', '1'],
      ['', '1'],
      ['a', ''],
      ['a', '1 '],
      ['a', 'x,y'],
      ['a', 'é'],
      ['a', 'x\r\ny'],
    ]) {
      expect(() => TraceState.empty.set(name!, content!)).toThrow(expect.objectContaining({ code: 'QPS_TRACE_STATE' }))
    }
  })

  test('at least 512 characters go on; beyond the bound, long members leave first, then the last', () => {
    const long = (name: string, length: number): string => `${name}=${'x'.repeat(length - name.length - 1)}`
    const two = [long('a', 256), long('b', 255)].join(',')
    expect(parseTracestate(two).serialize()).toBe(two)
    const short = Array.from({ length: 20 }, (_, at) => long(`s${at}`, 128))
    const big = Array.from({ length: 8 }, (_, at) => long(`b${at}`, 257))
    const sent = parseTracestate([...big, ...short].join(',')).serialize()
    expect(sent.length).toBeLessThanOrEqual(traceLimits.stateLengthMax)
    expect(sent.split(',')).toEqual([...big.slice(0, 5), ...short])
    const full = Array.from({ length: 32 }, (_, at) => long(`s${at}`, 128))
    expect(parseTracestate(full).serialize()).toBe(full.slice(0, 31).join(','))
  })

  test('a longer input than anybody sends is dropped unread, and empty members are nothing', () => {
    expect(parseTracestate(',\t'.repeat(16_000)).size).toBe(0)
    expect(parseTracestate(`foo=1${','.repeat(30_000)}bar=2`).size).toBe(2)
    expect(parseTracestate(`foo=1${','.repeat(33_000)}bar=2`).size).toBe(0)
    expect(parseTracestate(Array.from({ length: 400 }, () => ','.repeat(100)).concat('foo=1')).size).toBe(0)
  })
})

describe('the binary form', () => {
  const bytes = Uint8Array.of(
    0,
    0,
    75,
    249,
    47,
    53,
    119,
    179,
    77,
    166,
    163,
    206,
    146,
    157,
    0,
    14,
    71,
    54,
    1,
    52,
    240,
    103,
    170,
    11,
    169,
    2,
    183,
    2,
    1,
  )
  const place = {
    traceId: '4bf92f3577b34da6a3ce929d000e4736',
    parentId: '34f067aa0ba902b7',
    flags: 1,
    state: TraceState.empty,
  }

  test('is read and written: the example of its specification', () => {
    expect(parseTraceBytes(bytes)).toEqual(place)
    expect(formatTraceBytes(place)).toEqual(bytes)
    fc.assert(
      fc.property(places, (each) => {
        expect(parseTraceBytes(formatTraceBytes(each))).toEqual(each)
      }),
    )
  })

  test('fields come in any order, flags may be missing, what is not known ends the reading', () => {
    const [trace, parent, flags] = [bytes.slice(1, 18), bytes.slice(18, 27), bytes.slice(27)]
    expect(parseTraceBytes(Uint8Array.of(0, ...flags, ...parent, ...trace))).toEqual(place)
    expect(parseTraceBytes(Uint8Array.of(0, ...trace, ...parent))).toEqual({ ...place, flags: 0 })
    expect(parseTraceBytes(Uint8Array.of(...bytes, 3, 1, 2))).toEqual(place)
    expect(parseTraceBytes(Uint8Array.of(0, ...trace, 9, ...parent))).toBeUndefined()
    expect(parseTraceBytes(Uint8Array.of(0, ...trace, ...trace, ...parent))).toBeUndefined()
    expect(parseTraceBytes(Uint8Array.of(1, ...bytes.slice(1)))).toBeUndefined()
    expect(parseTraceBytes(Uint8Array.of(...bytes, ...new Uint8Array(100)))).toBeUndefined()
  })

  test('whatever it is given it says a valid place or nothing, also of what is cut', () => {
    for (let end = 0; end < 27; end++) expect(parseTraceBytes(bytes.slice(0, end))).toBeUndefined()
    expect(parseTraceBytes(bytes.slice(0, 28))).toBeUndefined()
    const near = fc.array(fc.tuple(fc.nat(28), fc.nat(255)), { maxLength: 4 }).map((edits) => {
      const copy = bytes.slice()
      for (const [at, byte] of edits) copy[at] = byte
      return copy
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 200 })), (input) => {
        const parsed = parseTraceBytes(input)
        if (parsed !== undefined) expect(parseTraceparent(formatTraceparent(parsed))).toEqual(parsed)
      }),
    )
  })
})
