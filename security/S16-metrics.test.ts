import { networkInterfaces } from 'node:os'
import { rawExchange, statuses } from '@qps/testkit'
import { describe, expect, test } from 'vitest'
import { start, variants } from './variants.ts'

const observed = variants.filter(({ variant }) => variant === 'observed')

describe.each(observed)('S16 metrics: $variant', (variant) => {
  test('10,000 random paths and strange methods leave at most 200 series per metric', async () => {
    await using stage = await start(variant)
    const random = (): string => Math.random().toString(36).slice(2)
    const methods = ['GET', 'POST', 'PROPFIND', 'M-SEARCH', 'QUERY', 'PURGE', 'LINK', 'REPORT']
    for (let batch = 0; batch < 20; batch++) {
      const requests = Array.from(
        { length: 500 },
        (_, index) =>
          `${methods[index % methods.length]} /${random()}?${random()} HTTP/1.1\r\nHost: ${random()}\r\n\r\n`,
      )
      const { text } = await rawExchange(stage.port, requests.join(''), {
        until: (got) => statuses(got).length === requests.length,
      })
      expect(new Set(statuses(text))).toEqual(new Set([404]))
    }
    const page = await (await fetch(`${stage.admin}/metrics`)).text()
    const series = new Map<string, number>()
    for (const line of page.split('\n')) {
      if (line === '' || line.startsWith('#')) continue
      const name = /^[a-zA-Z_:][\w:]*/.exec(line)![0]
      series.set(name, (series.get(name) ?? 0) + 1)
    }
    expect(series.size).toBeGreaterThan(0)
    for (const [name, count] of series) expect({ name, few: count <= 200 }).toEqual({ name, few: true })
    expect(page).toMatch(/="unmatched"/)
  })

  test('the admin port answers on loopback only', async () => {
    await using stage = await start(variant)
    const admin = new URL(stage.admin)
    expect(admin.hostname).toBe('127.0.0.1')
    const outside = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address !== undefined && !address.internal && address.family === 'IPv4')
    for (const address of outside)
      await expect(fetch(`http://${address!.address}:${admin.port}/metrics`)).rejects.toThrow()
    const { text } = await rawExchange(Number(admin.port), 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n', {
      until: (got) => got.includes('}}'),
    })
    expect(statuses(text)).toEqual([403])
  })
})
