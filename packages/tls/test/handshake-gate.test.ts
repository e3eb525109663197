import { ManualClock } from '@qps/core'
import { type GatePass, HandshakeGate, type HandshakeGateOptions } from '@qps/tls'
import fc from 'fast-check'
import { expect, test } from 'vitest'

interface Rig {
  gate: HandshakeGate
  clock: ManualClock
  log: string[]
  enter(name: string): GatePass
  turn(): void
}

function rig(options: HandshakeGateOptions): Rig {
  const clock = new ManualClock()
  const log: string[] = []
  const turns: (() => void)[] = []
  const gate = new HandshakeGate({ clock, nextTurn: (callback) => void turns.push(callback), ...options })
  return {
    gate,
    clock,
    log,
    enter: (name) =>
      gate.enter({ begin: () => void log.push(name), refuse: (reason) => void log.push(`${name} ${reason}`) }),
    turn: () => {
      for (const callback of turns.splice(0)) callback()
    },
  }
}

test('so many begin in one turn, the others in the next ones, in order', () => {
  const { enter, turn, log } = rig({ perTurnMax: 2 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name)
  expect(log).toEqual(['a', 'b'])
  turn()
  expect(log).toEqual(['a', 'b', 'c', 'd'])
  turn()
  expect(log).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('so many are inside at a time; whoever leaves lets the next one in, a turn later', () => {
  const { enter, turn, log, gate } = rig({ activeMax: 1 })
  const first = enter('a')
  const second = enter('b')
  enter('c')
  turn()
  expect(log).toEqual(['a'])
  second.leave()
  first.leave()
  first.leave()
  expect(gate.stats().active).toBe(0)
  turn()
  expect(log).toEqual(['a', 'c'])
})

test('a full queue refuses at once, and a long wait ends', () => {
  const { enter, log, gate, clock } = rig({ activeMax: 1, waitingMax: 1, waitTimeoutMs: 1000 })
  for (const name of ['a', 'b', 'c']) enter(name)
  expect(log).toEqual(['a', 'c full'])
  clock.advance(999)
  expect(log).toEqual(['a', 'c full'])
  clock.advance(1)
  expect(log).toEqual(['a', 'c full', 'b timeout'])
  expect(gate.stats()).toEqual({ active: 1, waiting: 0, begun: 1, refusedFull: 1, refusedTimeout: 1, activePeak: 1 })
  expect(clock.pending).toBe(0)
})

test('a closed gate refuses whoever waits and whoever comes', () => {
  const { enter, log, gate, clock } = rig({ activeMax: 1 })
  enter('a')
  enter('b')
  gate[Symbol.dispose]()
  enter('c')
  expect(log).toEqual(['a', 'b closed', 'c closed'])
  expect(clock.pending).toBe(0)
})

test('whatever comes and goes, the bounds hold, nobody is called twice, and nobody is forgotten', () => {
  const step = fc.oneof(
    fc.constant('enter' as const),
    fc.constant('turn' as const),
    fc.record({ leave: fc.nat(30) }),
    fc.record({ waitMs: fc.nat(2000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 3 }), (steps, activeMax) => {
      const { gate, enter, turn, clock, log } = rig({ activeMax, perTurnMax: 2, waitingMax: 3, waitTimeoutMs: 1000 })
      const passes: GatePass[] = []
      const left = new Set<GatePass>()
      for (const each of steps) {
        const begun = gate.stats().begun
        if (each === 'enter') passes.push(enter(String(passes.length)))
        else if (each === 'turn') turn()
        else if ('waitMs' in each) clock.advance(each.waitMs)
        else if (passes[each.leave] !== undefined) left.add(passes[each.leave]!).forEach((pass) => pass.leave())
        const { active, waiting, ...stats } = gate.stats()
        expect(active).toBeLessThanOrEqual(activeMax)
        expect(waiting).toBeLessThanOrEqual(3)
        expect(stats.begun - begun).toBeLessThanOrEqual(2)
      }
      for (const pass of passes) pass.leave()
      turn()
      expect(gate.stats()).toMatchObject({ active: 0, waiting: 0 })
      const names = log.map((line) => line.split(' ')[0])
      expect(new Set(names).size).toBe(names.length)
      expect(clock.pending).toBe(0)
    }),
  )
})

test.each(['activeMax', 'perTurnMax', 'waitTimeoutMs'])('%s has a range', (name) => {
  expect(() => new HandshakeGate({ [name]: 0 })).toThrow(expect.objectContaining({ code: 'QPS_OPTION' }))
})
