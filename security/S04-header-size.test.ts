import { rawExchange, statuses } from '@qps/testkit'
import { describe, test } from 'vitest'
import { start, variantsWithOwn } from './variants.ts'

describe.concurrent('S4 header size', () => {
  const variants = variantsWithOwn('connections')

  test.for(variants)('$variant: 16 KiB, or 100 fields: 431 and close beyond', async (variant, { expect }) => {
    await using stage = await start(variant)
    const ask = async (fields: string): Promise<{ status: number | undefined; closed: string }> => {
      const { text, closed } = await rawExchange(stage.port, `GET /plaintext HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, {
        until: (got) => got.includes('Hello'),
      })
      return { status: statuses(text)[0], closed }
    }
    const fields = (count: number): string => 'X: 1\r\n'.repeat(count)
    expect(await ask(fields(99))).toEqual({ status: 200, closed: 'open' })
    expect(await ask(fields(100))).toEqual({ status: 431, closed: 'end' })
    expect(await ask(fields(2_500))).toEqual({ status: 431, closed: 'end' })
    expect((await ask(`X: ${'x'.repeat(15_000)}\r\n`)).status).toBe(200)
    expect((await ask(`X: ${'x'.repeat(16_500)}\r\n`)).status).toBe(431)
    expect((await ask(`${'x'.repeat(16_500)}: 1\r\n`)).status).toBe(431)
  })
})
