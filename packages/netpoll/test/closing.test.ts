import { createPoller } from '@qps/netpoll'
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { client, echo, kernelBackends, sleep, until, Witness, witnessed } from './support.ts'

describe.each(kernelBackends)('closing on %s', (backend) => {
  test('a listener that closes serves whoever stands in its backlog', async () => {
    await using poller = createPoller({ backend })
    const listener = await poller.listen({ port: 0 }, echo)
    // In a process of its own, because this thread is to see nothing of it: three-way handshakes, then silence.
    const program = `
      const { connect } = require('node:net')
      const sockets = Array.from({ length: 5 }, () => connect(${listener.port}, '127.0.0.1'))
      let left = sockets.length
      let got = 0
      for (const socket of sockets) socket.on('connect', () => --left === 0 && console.log('up'))
      for (const socket of sockets) socket.on('error', (error) => console.log(error.code)).on('data', () => ++got)
      setTimeout(() => process.exit(0), 100)`
    const { stdout } = spawnSync(process.execPath, ['--eval', program], { encoding: 'utf8', timeout: 10_000 })
    expect(stdout.trim()).toBe('up')
    // The thread was blocked all the while: all five are in the backlog.
    expect(poller.stats.accepted).toBe(0)
    await listener.close()
    expect(poller.stats.accepted).toBe(5)
    await until(() => poller.stats.open === 0, 'their ends are seen')
  })

  test('a poller that closes while its listener is closing closes every descriptor once', async () => {
    const poller = createPoller({ backend })
    const listeners = await Promise.all([1, 2, 3].map(() => poller.listen({ port: 0 }, echo)))
    const closing = listeners.map((listener) => listener.close())
    await Promise.all([poller.close(), ...closing, poller.close(), ...listeners.map((listener) => listener.close())])
    expect(poller.stats.open).toBe(0)
  })

  test('a closed poller says so', async () => {
    const poller = createPoller({ backend })
    const closed = poller.close()
    expect(() => poller.connect({ port: 1 }, new Witness())).toThrow('the poller is closed')
    await expect(poller.listen({ port: 0 }, echo)).rejects.toMatchObject({ code: 'QPS_USAGE' })
    await closed
    expect(() => poller.connect({ port: 1 }, new Witness())).toThrow('the poller is closed')
  })

  test('a backlog that is no positive whole number is refused', async () => {
    await using poller = createPoller({ backend })
    for (const backlog of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      await expect(poller.listen({ port: 0, backlog }, echo)).rejects.toMatchObject({ code: 'QPS_USAGE' })
    }
    const { port } = await poller.listen({ port: 0, backlog: 1 }, echo)
    const socket = await client(port)
    socket.destroy()
  })

  test('a poller closes under load: each connection hears of its end once', async () => {
    const poller = createPoller({ backend })
    const other = createPoller({ backend })
    const served: Witness[] = []
    const { port } = await poller.listen({ port: 0 }, (connection) => {
      const witness = new Witness()
      witness.connection = connection
      witness.onData = (bytes, start, end) => void connection.write(bytes.slice(start, end))
      served.push(witness)
      return witness
    })
    const clients = Array.from({ length: 50 }, () => {
      const witness = witnessed(other, port)
      witness.onData = (bytes, start, end) => void witness.connection.write(bytes.slice(start, end))
      witness.connection.write(new Uint8Array(3_000))
      return witness
    })
    await until(() => poller.stats.bytesRead > 1_000_000, 'load')
    for (let more = 0; more < 50; more++) witnessed(other, port)
    await poller.close()
    expect(served.map(({ closed }) => closed)).toEqual(served.map(() => 1))
    await until(() => clients.every(({ closed, ended }) => closed === 1 || ended), 'their peers notice')
    await other.close()
    await sleep(120)
    expect(clients.map(({ closed }) => closed)).toEqual(clients.map(() => 1))
  })

  test('a poller whose accepting rests closes, and the rest ends with it', () => {
    const program = `
      import { createPoller } from '@qps/netpoll'
      import { closeSync, openSync } from 'node:fs'
      import { connect } from 'node:net'
      const poller = createPoller({ backend: '${backend}' })
      const { port } = await poller.listen({ port: 0 }, () => ({ onData() {}, onEnd() {}, onClose() {} }))
      const taken = []
      try { for (;;) taken.push(openSync('/dev/null')) } catch {}
      closeSync(taken.pop())
      const client = connect(port, '127.0.0.1')
      client.on('error', () => {})
      await new Promise((resolve) => client.once('connect', resolve))
      const refused = new Promise((resolve) => poller.connect({ port }, { onData() {}, onEnd() {}, onClose: resolve }))
      console.log((await refused).code)
      while (poller.stats.acceptPauses === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (poller.stats.accepted > 0) throw new Error('there was a descriptor left')
      }
      for (const descriptor of taken) closeSync(descriptor)
      const before = performance.now()
      await poller.close()
      client.destroy()
      process.on('exit', () => console.log(performance.now() - before < 45 ? 'at once' : 'late'))`
    const argv = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, '--conditions=@qps/source']
    const { stdout, stderr } = spawnSync('/bin/sh', [...argv, '--input-type=module', '--eval', program], {
      encoding: 'utf8',
      timeout: 10_000,
      cwd: new URL('.', import.meta.url),
    })
    expect([stderr, stdout.trim().split('\n')]).toEqual(['', ['EMFILE', 'at once']])
  })
})
