import { formatBytes, formatChange, formatMs, formatNumber, markdownTable, readStage, textTable } from '@qps/console'
import { describe, expect, test, vi } from 'vitest'
import { banner } from '../src/stage/banner.ts'
import { readKeys } from '../src/stage/keys.ts'
import { onStopSignals } from '../src/stage/signals.ts'
import { EventEmitter } from 'node:events'
import { channel } from 'node:diagnostics_channel'
import { handshakeDoneChannel } from '@qps/http-contract'
import { Traffic } from '../src/stage/traffic.ts'

describe('figures', () => {
  test.each([
    [0.0424, '0.0424'],
    [3.45678, '3.46'],
    [123_456.7, '123,457'],
    [NaN, '–'],
  ])('%d reads %s', (value, text) => expect(formatNumber(value)).toBe(text))

  test('durations and sizes have the unit that fits', () => {
    expect([0.085, 1.234, 3400].map(formatMs)).toEqual(['85 µs', '1.23 ms', '3.4 s'])
    expect([512, 14_900_000].map(formatBytes)).toEqual(['512 B', '14.2 MiB'])
  })

  test('a change is signed; without a reference there is none', () => {
    expect([formatChange(112, 100), formatChange(97, 100), formatChange(5, 0)]).toEqual(['+12 %', '-3.0 %', '–'])
  })
})

test('tables align, numbers to the right', () => {
  const columns = [{ title: 'Name' }, { title: 'QPS', align: 'right' as const }]
  const rows = [
    ['a', '1'],
    ['longer', '12,345'],
  ]
  expect(textTable(columns, rows).split('\n')).toEqual([
    'Name       QPS',
    '──────  ──────',
    'a            1',
    'longer  12,345',
  ])
  expect(markdownTable(columns, [['a|b', '1']])).toBe('| Name | QPS |\n| --- | ---: |\n| a\\|b | 1 |')
})

test('the banner has at most 12 lines, and says where, what and how to stop', () => {
  const stage = readStage(new URL('../../../stages/01-minimal-server/stage.json', import.meta.url))
  const facts = {
    variant: 'hardened',
    url: 'http://h:1',
    admin: 'http://h:2',
    endpoints: { h2: 'h:3' },
    parts: { kv: 'embedded' },
    notes: {},
    tries: [],
    views: [],
    interactive: false,
  }
  const text = banner(stage, facts)
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(12)
  for (const part of ['http://h:1', 'http://h:2/metrics', 'hardened', 'kv embedded', 'curl -i http://h:1/', 'Ctrl-C'])
    expect(text).toContain(part)
  const drawing = banner(stage, {
    ...facts,
    tries: ['curl h'],
    views: [{ key: 't', name: 'trace' }],
    interactive: true,
  })
  for (const part of ['http://h:2/debug/trace', 't trace · l load', 'curl h']) expect(drawing).toContain(part)
  expect(drawing).not.toContain('curl -i')
})

describe('keys', () => {
  function terminal(): EventEmitter &
    Record<'setRawMode' | 'setEncoding' | 'resume' | 'pause', ReturnType<typeof vi.fn>> {
    return Object.assign(new EventEmitter(), {
      setRawMode: vi.fn(),
      setEncoding: vi.fn(),
      resume: vi.fn(),
      pause: vi.fn(),
    })
  }

  test('a key performs its action, others are ignored, and a failing action is reported', async () => {
    const input = terminal()
    const errors: unknown[] = []
    const pressed: string[] = []
    const keys = readKeys(
      () => ({ a: () => void pressed.push('a'), x: async () => Promise.reject(new Error('no')) }),
      (error) => errors.push(error),
      input as never,
    )
    input.emit('data', 'aza')
    await vi.waitFor(() => expect(pressed).toEqual(['a']))
    input.emit('data', 'x')
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    keys[Symbol.dispose]()
    input.emit('data', 'a')
    expect(pressed).toEqual(['a'])
    expect(input.setRawMode.mock.calls).toEqual([[true], [false]])
  })

  test('while an action runs, further keys do nothing, but q is heard', async () => {
    const input = terminal()
    const pressed: string[] = []
    let finish: () => void = () => {}
    const slow = new Promise<void>((resolve) => (finish = resolve))
    const actions = { l: () => slow, v: () => void pressed.push('v'), q: () => void pressed.push('q') }
    using _keys = readKeys(
      () => actions,
      () => {},
      input as never,
    )
    input.emit('data', 'lvq')
    expect(pressed).toEqual(['q'])
    finish()
  })
})

test('one press that arrives twice is one; a later one is the second', () => {
  const calls: string[] = []
  const now = vi.spyOn(performance, 'now')
  const registered: (() => void)[] = []
  const on = vi.spyOn(process, 'on').mockImplementation(((_event: string, listener: () => void) => {
    registered.push(listener)
    return process
  }) as never)
  onStopSignals(
    () => calls.push('first'),
    () => calls.push('second'),
  )
  on.mockRestore()
  for (const atMs of [1000, 1005, 1500]) {
    now.mockReturnValue(atMs)
    registered[0]!()
  }
  now.mockRestore()
  expect(calls).toEqual(['first', 'second'])
})

test('the live figures count handshakes, and those that took a session up again, until they are looked at', () => {
  using traffic = new Traffic(() => 0)
  for (const resumed of [true, false, true]) channel(handshakeDoneChannel).publish({ resumed })
  expect(traffic.take()).toMatchObject({ handshakes: 3, resumed: 2 })
  expect(traffic.take()).toMatchObject({ handshakes: 0, resumed: 0 })
})
