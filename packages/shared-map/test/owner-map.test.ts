import { LocalMap, OwnerMap, type PortLike, serveMap } from '@qps/shared-map'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'

const { port1, port2 } = new MessageChannel()
afterEach(() => {
  port1.close()
})

test('a map behind a port does what it is asked, in order', async () => {
  serveMap(new LocalMap<string, number>({ capacity: 2 }), port1)
  using map = new OwnerMap<string, number>(port2, { pendingMax: 3 })
  await map.set('a', 1)
  expect([await map.get('a'), await map.get('b'), await map.has('a'), await map.size()]).toEqual([
    1,
    undefined,
    true,
    1,
  ])
  const race = await Promise.all([map.compareAndSet('a', 1, 2), map.compareAndSet('a', 1, 3), map.get('a')])
  expect(race).toEqual([true, false, 2])
  await map.set('b', 1)
  await expect(map.set('c', 1)).rejects.toMatchObject({ code: 'QPS_MAP_FULL', retryable: true })
  const pending = [map.get('a'), map.get('a'), map.get('a')]
  await expect(map.get('a')).rejects.toMatchObject({ code: 'QPS_MAP_BUSY', retryable: true })
  expect(await Promise.all(pending)).toEqual([2, 2, 2])
  expect(await map.delete('a')).toBe(true)
})

test('what has no answer when the map is disposed of is rejected', async () => {
  const deaf: PortLike = { postMessage: () => {}, on: () => {} }
  const map = new OwnerMap<string, number>(deaf)
  const question = map.get('a')
  map[Symbol.dispose]()
  await expect(question).rejects.toMatchObject({ code: 'QPS_MAP_CLOSED' })
  await expect(map.get('a')).rejects.toMatchObject({ code: 'QPS_MAP_CLOSED' })
})
