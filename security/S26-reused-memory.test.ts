import { spawnSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '@qps/core'
import { describe, expect, test } from 'vitest'
import { shopCatalogue } from '../stages/04-memory-pooling/src/catalogue.ts'
import { Answers, type Canary, echoCanary, itemCanary } from './canaries.ts'
import { poison, withPoisonedMemory } from './poisoned-memory.ts'
import { hardenedWithOwn, start, type Variant } from './variants.ts'

const connections = 250
/** So few that no request takes longer than the server allows, where both have little of a core. */
const clientsAtOnce = 40
const requestsEach = 40
/** One connection in so many is reset at some point of its requests. */
const abortedEach = 10
const reusing: readonly Variant[] = hardenedWithOwn('memory')

/** Sends in pieces of random sizes, some of them turns apart, until all is sent or the socket is gone. */
async function sendCut(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const piece = bytes.subarray(at, at + 1 + Math.floor(random() ** 3 * 40_000))
    at += piece.length
    if (!socket.write(piece))
      await Promise.race([sleep(1_000), new Promise((resolve) => socket.once('drain', resolve))])
    else if (random() < 0.3) await sleep(0)
  }
}

/** Made once for all variants that are asked for the same: each is another process, and has seen none of it. */
const made = new Map<boolean, readonly (readonly Canary[])[]>()

function canariesOf(withItems: boolean): readonly (readonly Canary[])[] {
  const known = made.get(withItems)
  if (known !== undefined) return known
  const items = withItems ? shopCatalogue() : undefined
  const all = Array.from({ length: connections }, (_, seed) => {
    const random = seededRandom(seed)
    const canary = (): Canary =>
      items !== undefined && random() < 0.6 ? itemCanary(random, items) : echoCanary(random)
    return Array.from({ length: requestsEach }, canary)
  })
  made.set(withItems, all)
  return all
}

/** One client. @returns complete answers, and whether it was to leave before it had all of them. */
async function client(
  port: number,
  seed: number,
  canaries: readonly Canary[],
): Promise<{ answers: number; aborted: boolean }> {
  const random = seededRandom(connections + seed)
  const aborted = seed % abortedEach === 0
  const all = Buffer.concat(canaries.map(({ request }) => request))
  const bytesAll = canaries.reduce((sum, { content }) => sum + content.length, 0)
  const abortAfter = aborted ? Math.floor(random() * bytesAll) : Infinity
  const pipelined = random() < 0.5
  const answers = new Answers(canaries)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let failure: unknown
  let more = (): void => {}
  socket.on('error', () => {})
  for (const event of ['close', 'end'] as const) socket.on(event, () => more())
  socket.on('data', (piece: Buffer) => {
    try {
      answers.push(piece)
    } catch (error) {
      failure ??= error
      socket.destroy()
    }
    if (socket.bytesRead > abortAfter) socket.resetAndDestroy()
    more()
  })
  const answered = async (count: number): Promise<void> => {
    while (!socket.destroyed && !socket.readableEnded && answers.complete < count) {
      await new Promise<void>((resolve) => (more = resolve))
    }
  }
  if (pipelined) await Promise.all([sendCut(socket, all, random), answered(canaries.length)])
  else {
    for (const [index, { request }] of canaries.entries()) {
      if (socket.destroyed) break
      await sendCut(socket, request, random)
      await answered(index + 1)
    }
  }
  socket.destroy()
  if (failure !== undefined) throw failure
  return { answers: answers.complete, aborted }
}

describe('S26 reused memory', () => {
  test('memory that nobody has filled is poisoned in the servers below', () => {
    const { stdout } = withPoisonedMemory(() =>
      spawnSync(
        process.execPath,
        ['-p', `Buffer.concat([Buffer.allocUnsafe(3), Buffer.allocUnsafeSlow(3)]).toString('hex')`],
        {
          encoding: 'utf8',
          timeout: 20_000,
        },
      ),
    )
    expect(stdout.trim()).toBe(poison.toString(16).repeat(6))
  })

  test.for(reusing)(
    '$stage $variant: of 10,000 requests no answer has a byte of another one, or one that nobody wrote',
    { timeout: 120_000 },
    async (variant, { expect }) => {
      await using stage = await withPoisonedMemory(() => start(variant))
      const canaries = canariesOf(variant.stage === '04-memory-pooling')
      const results: Awaited<ReturnType<typeof client>>[] = []
      let begun = 0
      const clients = async (): Promise<void> => {
        while (begun < connections) results.push(await client(stage.port, begun, canaries[begun++]!))
      }
      await Promise.all(Array.from({ length: clientsAtOnce }, clients))
      for (const { answers, aborted } of results) if (!aborted) expect(answers).toBe(requestsEach)
      const total = results.reduce((sum, { answers }) => sum + answers, 0)
      expect(total).toBeGreaterThanOrEqual((connections - connections / abortedEach) * requestsEach)
      expect(total).toBeLessThan(connections * requestsEach)
    },
  )
})
