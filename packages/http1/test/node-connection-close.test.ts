import { serve } from '@qps/http1'
import { rawExchange } from '@qps/testkit'
import { expect, test } from 'vitest'

test('an answer whose head says that the connection closes is the last one on it', async () => {
  await using serving = await serve({ port: 0 }, (_request, response) => {
    response.setHeader('connection', 'close').end('bye')
  })
  const { text, closed } = await rawExchange(serving.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(closed).toBe('end')
  expect(text).toMatch(/\r\nConnection: close\r\n/)
})

test('an answer to HTTP/1.0 whose length is not known ends with the connection, kept alive or not', async () => {
  await using serving = await serve({ port: 0 }, (_request, response) => {
    response.write('one ')
    response.end('two')
  })
  const { text, closed } = await rawExchange(serving.port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  expect(closed).toBe('end')
  expect(text).toMatch(/\r\n\r\none two$/)
})
