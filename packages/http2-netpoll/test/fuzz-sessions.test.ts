import { seededRandom } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Player, randomCuts, sample } from './samples.ts'

test('the same bytes get the same answers, however they are cut', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 3 }), fc.array(fc.nat(400)), (seed, changes, cuts) => {
      const player = new Player()
      const bytes = sample(seededRandom(seed), changes)
      const whole = player.play(bytes, [])
      const sorted = cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b)
      expect(player.play(bytes, sorted)).toEqual(whole)
      expect(player.play(bytes, [...Array(bytes.length).keys()])).toEqual(whole)
    }),
    { numRuns: 100 },
  )
})

test('whatever a client sends, nothing is thrown, and nothing of it is kept', () => {
  const player = new Player()
  const random = seededRandom(1)
  const seen = new Set<string>()
  for (let count = 0; count < 1_000; count++) {
    const bytes = sample(random, 6)
    const { told } = player.play(bytes, randomCuts(bytes.length, random), count % 2 === 0)
    for (const [word] of told.matchAll(/(?:GOAWAY|RST_STREAM) \d+ \w+|"HEADERS \d+ 200/g)) {
      seen.add(word.replace(/\d+ /, ''))
    }
  }
  // It got far enough to be told of everything that a client can break.
  expect([...seen].toSorted()).toEqual(
    expect.arrayContaining([
      '"HEADERS 200',
      'GOAWAY COMPRESSION_ERROR',
      'GOAWAY FRAME_SIZE_ERROR',
      'GOAWAY PROTOCOL_ERROR',
      'GOAWAY STREAM_CLOSED',
      'RST_STREAM INTERNAL_ERROR',
      'RST_STREAM PROTOCOL_ERROR',
      'RST_STREAM REFUSED_STREAM',
      'RST_STREAM STREAM_CLOSED',
    ]),
  )
})
