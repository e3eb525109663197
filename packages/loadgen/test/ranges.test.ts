import { runLoad, runLoadProcess } from '@qps/loadgen'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pathsOf } from '../src/path-range.ts'
import { http1Message } from '../src/request.ts'
import { RequestCycle } from '../src/request-cycle.ts'
import { serve } from './servers.ts'

test('a range stands for each of its numbers once, in an order of its own', () => {
  const paths = pathsOf('/items/[8-12]?q=a')
  expect(paths.toSorted()).toEqual([10, 11, 12, 8, 9].map((id) => `/items/${id}?q=a`))
  expect(pathsOf('/items/[8-12]?q=a')).toEqual(paths)
  const many = pathsOf('/[1-1000]')
  expect(many).not.toEqual(Array.from(many, (_, index) => `/${index + 1}`))
  expect(pathsOf('/items/[a-z]')).toEqual(['/items/[a-z]'])
})

test('requests take turns, however many are asked for at once', () => {
  const url = new URL('http://127.0.0.1/items/[1-7]')
  const decoder = new TextDecoder()
  const order = pathsOf(url.pathname).map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat()), (pipeline, asked) => {
      const cycle = new RequestCycle(http1Message(url, 'GET', {}, new Uint8Array(0)), pipeline)
      let at = 0
      for (const some of asked) {
        const count = 1 + (some % pipeline)
        const expected = Array.from({ length: count }, () => order[at++ % order.length]!)
        expect(decoder.decode(cycle.next(count))).toBe(expected.join(''))
      }
    }),
  )
})

test.each([
  ['in threads', runLoad],
  ['in a process', runLoadProcess],
])('a load %s asks for every number about as often, and takes answers of any length', async (_where, load) => {
  const asked = new Map<string, number>()
  await using server = await serve((request, response) => {
    const path = request.url ?? ''
    asked.set(path, (asked.get(path) ?? 0) + 1)
    response.end('x'.repeat(Number(path.slice('/items/'.length))))
  })
  const options = { url: `${server.url}items/[1-20]`, connections: 4, pipeline: 3, durationS: 0.3 }
  const { requests, errors, url } = await load(options)
  expect(url).toBe(options.url)
  expect(errors).toBe(0)
  expect(requests).toBeGreaterThan(100)
  expect(asked.size).toBe(20)
  const counts = [...asked.values()]
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
})
