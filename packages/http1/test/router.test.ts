import { PreparedFields, Router, serve } from '@qps/http1'
import { rawExchange, statuses } from '@qps/testkit'
import { expect, test } from 'vitest'
import { PathNames } from '../src/server/path-names.ts'

const said = (path: string, text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4) || path

async function ask(router: Router, path: string, method = 'GET'): Promise<string> {
  await using serving = await serve({ port: 0 }, router.handler)
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
  return (await rawExchange(serving.port, head)).text
}

const router = new Router()
  .get('/', (_request, response) => response.end('home'))
  .get('/users', (_request, response) => response.end('all'))
  .get('/users/me', (_request, response) => response.end('me'))
  .get('/users/:id', ({ params, route }, response) => response.json({ params, route }))
  .post('/users/:id', (_request, response) => response.end('changed'))
  .get('/users/:id/posts/:__proto__', ({ params }, response) => {
    response.end(JSON.stringify([Object.keys(params), Object.getPrototypeOf(params)]))
  })

test.each([
  ['/', 'home'],
  ['/?x=/users', 'home'],
  ['http://elsewhere/users?x', 'all'],
  ['/users/me', 'me'],
  ['/users/7', '{"params":{"id":"7"},"route":"/users/:id"}'],
  ['/users/a%20b%2Fc', '{"params":{"id":"a b/c"},"route":"/users/:id"}'],
  ['/users/constructor', '{"params":{"id":"constructor"},"route":"/users/:id"}'],
  ['/users/me/posts/2', '[["id","__proto__"],null]'],
  ['/users/1/posts/2', '[["id","__proto__"],null]'],
])('%s finds its handler', async (path, body) => expect(said(path, await ask(router, path))).toBe(body))

test.each([
  '/users/',
  '/Users',
  '//',
  '/users/%zz',
  '/users/%C3',
  '/users/1/',
  '/users/1/posts',
  '/users/1/posts/2/3',
  '/constructor',
  '/__proto__',
  '*',
])('%s is 404', async (path) => {
  expect(statuses(await ask(router, path, path === '*' ? 'OPTIONS' : 'GET'))).toEqual([404])
})

test('another method is 405 with the methods that there are', async () => {
  const text = await ask(router, '/users/7', 'DELETE')
  expect(statuses(text)).toEqual([405])
  expect(text).toContain('\r\nallow: GET, POST\r\n')
})

test('mistakes in routes are found when they are made', () => {
  const home = (): void => {}
  expect(() => new Router().get('users', home)).toThrow(/begins with \//)
  expect(() => new Router().get('/a', home).get('/a', home)).toThrow(/one handler/)
  expect(() => new Router().on(['GTE'], '/a', home)).toThrow(/is a method/)
  expect(() => new Router().get('/a/:x', home).get('/a/:y/b', home)).toThrow(/one name per place/)
})

test.each([
  ['content-length', '1', 'written by the server'],
  ['Transfer-Encoding', 'chunked', 'written by the server'],
  ['x y', '1', 'no name'],
  ['', '1', 'no name'],
  ['x', 'a\r\nset-cookie: b', 'cannot carry'],
  ['x', 'a\nb', 'cannot carry'],
  ['x', '\0', 'cannot carry'],
  ['x', '日', 'cannot carry'],
])('prepared fields: %j: %j is refused', (name, value, why) => {
  expect(() => new PreparedFields({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'QPS_HEADER', message: expect.stringContaining(why) }),
  )
})

test('prepared fields keep order, lists and characters of Latin-1', () => {
  expect(new PreparedFields({ b: 1, a: ['x', 'é'] }).lines).toBe('b: 1\r\na: x\r\na: é\r\n')
})

test('remembered paths are the paths, whatever was asked for before', () => {
  const names = new PathNames()
  const paths = Array.from({ length: 5_000 }, (_, index) => `/${'p'.repeat(index % 80)}${(index * 7919) % 613}`)
  for (const path of [...paths, ...paths, '/', '/\xff', '/?'.slice(0, 1)]) {
    const bytes = Buffer.from(`xx${path}yy`, 'latin1')
    expect(names.of(bytes, 2, bytes.length - 2)).toBe(path)
  }
})
