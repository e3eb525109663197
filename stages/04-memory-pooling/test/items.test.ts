import { rawExchange, type StageProcess, startStage, statuses } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shopCatalogue } from '../src/catalogue.ts'
import { bodyOf, longest, shortest, textOf } from './item-lengths.ts'
import { usableVariants } from './variants.ts'

const catalogue = shopCatalogue()
/** Every form of title several times, and both ends of the catalogue. */
const ids = [...Array.from({ length: 64 }, (_, index) => index + 1), catalogue.count - 1, catalogue.count]
const stages = new Map<string, StageProcess>()

beforeAll(async () => {
  for (const variant of usableVariants) {
    stages.set(variant, await startStage('04-memory-pooling', ['--variant', variant]))
  }
}, 60_000)
afterAll(() => Promise.all([...stages.values()].map((stage) => stage[Symbol.asyncDispose]())))

/** Asks for each path on one connection, all at once. @returns everything that came, one character per byte. */
async function ask(variant: string, paths: readonly string[], method = 'GET'): Promise<string> {
  const requests = paths.map((path, index) => {
    const close = index === paths.length - 1 ? 'Connection: close\r\n' : ''
    return `${method} ${path} HTTP/1.1\r\nHost: a\r\n${close}\r\n`
  })
  return (await rawExchange(stages.get(variant)!.port, requests.join(''), { timeoutMs: 10_000 })).text
}

const bytesOf = (id: number): string => Buffer.from(JSON.stringify(catalogue.item(id))).toString('latin1')

describe.each(usableVariants)('items of %s', (variant) => {
  const url = (path: string): string => stages.get(variant)!.url + path

  test('are the bytes of JSON.stringify, with their length and type', async () => {
    for (const id of ids) {
      const answer = await fetch(url(`/items/${id}`))
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json')
      const bytes = Buffer.from(await answer.arrayBuffer())
      expect(answer.headers.get('content-length')).toBe(String(bytes.length))
      expect(bytes.toString('latin1')).toBe(bytesOf(id))
      expect(JSON.parse(bytes.toString())).toEqual(catalogue.item(id))
    }
  })

  test('have no end of what another client has asked for', async () => {
    const { port } = stages.get(variant)!
    for (const id of [shortest, longest, shortest, longest, shortest, shortest]) {
      expect(await bodyOf(port, id)).toBe(textOf(id))
    }
  })

  test('are answered in order where they are asked for in one write', async () => {
    const asked = [9, 7, 9, 8, 1, 10_000, 2].flatMap((id) => [id, 7, id])
    const text = await ask(
      variant,
      asked.map((id) => `/items/${id}`),
    )
    const bodies = text.split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/).slice(1)
    expect(bodies).toEqual(asked.map(bytesOf))
  })

  test('HEAD has the length of GET and no content', async () => {
    for (const id of [1, 5, 6]) {
      const text = await ask(variant, [`/items/${id}`], 'HEAD')
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text).toContain(`\r\ncontent-length: ${bytesOf(id).length}\r\n`)
      expect(text.endsWith('\r\n\r\n')).toBe(true)
      expect(text).not.toContain('{')
    }
  })

  test('ignore the query, and know an escaped digit', async () => {
    expect(await (await fetch(url('/items/7?stock=0&id=8'))).json()).toEqual(catalogue.item(7))
    expect(await (await fetch(url('/items/%37'))).json()).toEqual(catalogue.item(7))
  })

  test.each(['0', '10001', '4294967295', '4294967297', '9999999999'])(
    '%s is 404: there is no such item',
    async (id) => {
      const answer = await fetch(url(`/items/${id}`))
      expect(answer.status).toBe(404)
      expect(await answer.json()).toEqual({ error: { code: 'not_found', message: 'no such item' } })
    },
  )

  const malformed =
    'abc -1 +1 1.5 1e3 0x1 007 00 12345678901 %207 7%20 7%00 %D9%A7 %EF%BC%97 7%2F __proto__ constructor NaN null'
  test.each(malformed.split(' '))('%s is 400: that is no id', async (id) => {
    const answer = await fetch(url(`/items/${id}`))
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toEqual({ error: { code: 'bad_request', message: expect.stringContaining('decimal') } })
  })

  test('ten thousand digits are 400 as well', async () => {
    expect((await fetch(url(`/items/${'1'.repeat(10_000)}`))).status).toBe(400)
  })

  test.each(['/items', '/items/', '/items/7/', '/items/7/8', '/Items/7', '/items/%zz'])(
    '%s is no path',
    async (path) => {
      expect((await fetch(url(path))).status).toBe(404)
    },
  )

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is 405 with Allow', async (method) => {
    const answer = await fetch(url('/items/7'), { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, HEAD')
    expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed' } })
  })

  test('paths beyond all measure are refused, and nobody else notices', async () => {
    const { port } = stages.get(variant)!
    const get = (path: string): Promise<{ text: string }> =>
      rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, {
        until: (text) => text.includes('}}'),
      })
    expect(statuses((await get(`/items/${'/7'.repeat(7_000)}`)).text)).toEqual([404])
    expect(statuses((await get(`/items/${'%37'.repeat(4_000)}`)).text)).toEqual([400])
    expect(statuses((await get(`/items/${'7'.repeat(20_000)}`)).text)).toEqual([431])
    expect((await fetch(url('/items/7'))).status).toBe(200)
  })
})

test('whole answers are the same bytes in all variants, but for their date', async () => {
  const paths = [...ids.map((id) => `/items/${id}`), '/items/0', '/items/x', '/items', '/plaintext']
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const answers = await Promise.all(usableVariants.map((variant) => ask(variant, paths, method)))
    const [first, ...others] = answers.map((text) => text.replaceAll(/\r\nDate: [^\r]+/g, '\r\nDate:'))
    expect(statuses(first!)).toHaveLength(paths.length)
    for (const other of others) expect(other).toBe(first)
  }
})
