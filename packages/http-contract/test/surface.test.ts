import { echoTypeOf, methods, plaintext, statusBody, surface, surfaceRoutes } from '@qps/http-contract'
import { expect, test } from 'vitest'

test('every row of the surface is found by path and method, and nothing else', () => {
  for (const { path, methods: accepted, answer } of surface) {
    for (const method of accepted) expect(surfaceRoutes.get(path)?.get(method), `${method} ${path}`).toBe(answer)
  }
  expect([...surfaceRoutes.keys()]).toEqual(['/', '/echo', '/plaintext'])
  expect([...surfaceRoutes.get('/plaintext')!.keys()].join(', ')).toBe('GET, HEAD')
  expect(surfaceRoutes.get('/')!.get('OPTIONS')).toBeUndefined()
})

test('/echo takes every method that asks for a resource: CONNECT asks for a tunnel', () => {
  const byMethod = surfaceRoutes.get('/echo')!
  expect(methods.filter((method) => !byMethod.has(method))).toEqual(['CONNECT'])
})

test.each([
  ['text/html', 'text/html'],
  ['text/html ; charset=utf-8', 'text/html ; charset=utf-8'],
  ['nonsense', 'application/octet-stream'],
  ['a b/c', 'application/octet-stream'],
  ['a/b c', 'application/octet-stream'],
  ['', 'application/octet-stream'],
  [undefined, 'application/octet-stream'],
])('an echo of %j is %s', (type, expected) => expect(echoTypeOf(type)).toBe(expected))

test('the bodies are what JSON and text readers expect', () => {
  expect(JSON.parse(statusBody(1_767_225_600_000))).toEqual({ status: 'ok', ts: 1_767_225_600_000 })
  expect(plaintext).toBe('Hello, World!')
})
