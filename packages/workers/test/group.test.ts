import { startGroup } from '@qps/workers'
import { expectReadmeExample } from '@qps/testkit'
import { describe, expect, test } from 'vitest'

const module = new URL('./hello-member.ts', import.meta.url)
const base = { module, host: '127.0.0.1', port: 0 }

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('not within ten seconds')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(['threads', 'processes'] as const)('a group of %s', (kind) => {
  test('answers on one port, counts, drains', async () => {
    let tallied = 0
    const group = await startGroup({ ...base, kind, count: 3, onTally: (tally) => (tallied += tally as number) })
    for (let count = 0; count < 12; count++) expect(await (await fetch(group.url)).text()).toBe('hello')
    expect(await group.drain()).toEqual({ completed: 0, dropped: 0, ms: 0 })
    expect(tallied).toBe(12)
    await expect(fetch(group.url)).rejects.toThrow()
  })

  test('a member that dies is replaced, and its loss told', async () => {
    const losses: string[] = []
    const group = await startGroup({ ...base, kind, count: 1, onLoss: (why) => losses.push(why) })
    await fetch(`${group.url}/die`).catch(() => {})
    await eventually(() => losses.length === 1)
    expect(losses[0]).toMatch(/^worker 0 ended: exit code 7/)
    await eventually(() =>
      fetch(group.url).then(
        (response) => response.ok,
        () => false,
      ),
    )
    await group.drain()
  })

  test('each member gets data of its own, and so does the one that replaces it', async () => {
    const asked: string[] = []
    const group = await startGroup({
      ...base,
      kind,
      count: 2,
      dataOf: (index) => (asked.push(`data for ${index}`), { index }),
      onGone: (index) => asked.push(`${index} is gone`),
      onLoss: () => asked.push('loss'),
    })
    expect(asked).toEqual(['data for 0', 'data for 1'])
    await fetch(`${group.url}/die`).catch(() => {})
    await eventually(() => asked.length === 5)
    expect(asked.slice(2)).toEqual([
      expect.stringMatching(/^[01] is gone$/),
      'loss',
      expect.stringMatching(/^data for [01]$/),
    ])
    expect(asked[4]!.at(-1)).toBe(asked[2]![0])
    // It is just starting, and is drained all the same.
    await group.drain()
  })

  test('a member that cannot start fails the group with its own words', async () => {
    const missing = new URL('./no-such-member.ts', import.meta.url)
    await expect(startGroup({ ...base, module: missing, kind, count: 2 })).rejects.toMatchObject({
      code: 'QPS_MEMBER_FAILED',
      message: expect.stringContaining('no-such-member'),
    })
  })
})

test('a port in use is told as such', async () => {
  const first = await startGroup({ ...base, kind: 'processes', count: 1 })
  const taken = { ...base, port: Number(new URL(first.url).port) }
  await expect(startGroup({ ...taken, kind: 'threads', count: 1 })).rejects.toThrow(/EADDRINUSE/)
  await first.drain()
})

test('the README example', () => expectReadmeExample(new URL('../README.md', import.meta.url)))
