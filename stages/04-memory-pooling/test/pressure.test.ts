import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StageProcess, startStage } from '@qps/testkit'
import { expect, test } from 'vitest'
import { shopCatalogue } from '../src/catalogue.ts'

const bytesMax = 64 * 1024
/** Far more answers than both kernels keep for a client. */
const asked = 8_000
const readers = 6

const startPooled = (): Promise<StageProcess> =>
  startStage('04-memory-pooling', ['--variant', 'pooled', '--pool-bytes', String(bytesMax)])

interface PoolPage {
  lent: number
  bytesReserved: number
  acquired: number
}

async function poolOf(stage: StageProcess): Promise<PoolPage> {
  const page = (await (await fetch(`${stage.admin}/pool`)).json()) as PoolPage
  expect(page.bytesReserved).toBeLessThanOrEqual(bytesMax)
  return page
}

/** Asks for an item so often, and reads nothing of it before it is resumed. */
async function slowReader(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.pause()
  socket.write('GET /items/7 HTTP/1.1\r\nHost: slow\r\n\r\n'.repeat(asked))
  return socket
}

/** Nothing more is answered: every reader has what its kernels take, and what a connection may have unsent. */
async function untilStuck(stage: StageProcess): Promise<void> {
  let before = -1
  for (let page = await poolOf(stage); page.acquired !== before; page = await poolOf(stage)) {
    before = page.acquired
    await sleep(400)
  }
}

/** Reads what it had asked for. @returns how many items it got, and how many refusals. */
async function readAll(socket: Socket, item: string): Promise<{ items: number; refused: number }> {
  let text = ''
  let items = 0
  let refused = 0
  const heads = /HTTP\/1\.1 (\d+) [^]*?\r\ncontent-length: (\d+)\r\n[^]*?\r\n\r\n/y
  const take = (): void => {
    let at = 0
    for (heads.lastIndex = 0; ; heads.lastIndex = at) {
      const head = heads.exec(text)
      if (head === null || text.length < heads.lastIndex + Number(head[2])) break
      const body = text.slice(heads.lastIndex, heads.lastIndex + Number(head[2]))
      at = heads.lastIndex + body.length
      if (head[1] === '200') {
        if (body !== item) throw new Error(`this is no item: ${body}`)
        items++
      } else {
        if (head[1] !== '503' || !/\r\nretry-after: [1-5]\r\n/.test(head[0])) throw new Error(head[0])
        refused++
      }
    }
    text = text.slice(at)
  }
  socket.resume()
  for await (const piece of socket) {
    text += (piece as Buffer).toString('latin1')
    take()
    if (items + refused === asked) break
  }
  return { items, refused }
}

test('readers that take nothing fill the pool and no more; every request is answered with its item or with 503', async () => {
  await using stage = await startPooled()
  const item = JSON.stringify(shopCatalogue().item(7))
  expect(await (await fetch(`${stage.url}/items/7`)).text()).toBe(item)
  const sockets = await Promise.all(Array.from({ length: readers }, () => slowReader(stage.port)))
  await untilStuck(stage)
  const metrics = await (await fetch(`${stage.admin}/metrics`)).text()
  expect(Number(/^pool_leases\{pool="answers",state="held"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(10)
  expect(metrics).toContain(`pool_memory_bytes{pool="answers",state="reserved"} ${bytesMax}\n`)
  // What needs no buffer of the pool is answered as ever.
  expect((await fetch(`${stage.url}/`)).status).toBe(200)
  expect((await fetch(`${stage.url}/items/0`)).status).toBe(404)
  // Some leave, the others begin to read.
  const staying = sockets.splice(0, readers / 2)
  for (const socket of sockets) socket.destroy()
  const latin1 = Buffer.from(item).toString('latin1')
  const got = await Promise.all(staying.map((socket) => readAll(socket, latin1)))
  for (const { items, refused } of got) expect(items + refused).toBe(asked)
  // Each has more unsent than its share of the pool, so somebody was refused.
  expect(got.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(0)
  expect(got.reduce((sum, { items }) => sum + items, 0)).toBeGreaterThan(0)

  await expect.poll(async () => (await poolOf(stage)).lent, { timeout: 5_000 }).toBe(0)
  expect((await fetch(`${stage.url}/items/8`)).status).toBe(200)
  expect(stage.stderr()).toBe('')
  expect((await stage.stop()).code).toBe(0)
})

test('hostile ids and paths take no buffer', async () => {
  await using stage = await startPooled()
  const hostile = [`/items/${'9'.repeat(10_000)}`, `/items/${'%39'.repeat(4_000)}`, `/${'items/'.repeat(2_000)}`]
  for (let round = 0; round < 50; round++) {
    for (const path of hostile) {
      const answer = await fetch(stage.url + path)
      expect([400, 404]).toContain(answer.status)
      await answer.arrayBuffer()
    }
  }
  expect(await poolOf(stage)).toMatchObject({ lent: 0, acquired: 0 })
  expect((await fetch(`${stage.url}/items/7`)).status).toBe(200)
})
