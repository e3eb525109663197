import { expect, test } from 'vitest'
import { connectPeer, open, serve } from './peer.ts'
import { type CallbackName, echo, type Reactions } from './recorder.ts'
import { pattern, type Subject, uncaught, until } from './subject.ts'

export function testErrors({ create }: Subject): void {
  const callbacks: CallbackName[] = ['onOpen', 'onData', 'onEnd', 'onDrain', 'onClose']
  test.each(callbacks)(
    'an error thrown in %s is an uncaughtException behind the end of its connection',
    async (name) => {
      await using poller = await create({ highWaterBytes: 1_024, lowWaterBytes: 512 })
      using served = await serve(poller, echo)
      const bystander = await served.meet()
      const thrown = new Error(`thrown in ${name}`)
      const openAtThrow: boolean[] = []
      const reactions: Reactions = {
        onOpen: ({ connection }) => (connection.write(pattern(100_000)), connection.end()),
      }
      const talk = reactions.onOpen!
      reactions[name] = (recorder) => {
        if (name === 'onOpen') talk(recorder)
        throw thrown
      }
      const errors = await uncaught(1, async () => {
        process.prependListener('uncaughtException', () => openAtThrow.push(recorder.connection.open))
        const recorder = open(poller, served.listener, reactions)
        await until(() => recorder.closed, 'onClose')
        expect(recorder.calls.filter((call) => call === name || call === 'onClose')).toEqual([
          ...new Set([name, 'onClose']),
        ])
      })
      expect(errors).toEqual([thrown])
      expect(openAtThrow).toEqual([false])

      bystander.peer.socket.write('unharmed')
      await until(() => bystander.peer.bytes === 8, 'the bystander’s echo')
      await until(() => poller.stats.open === 1, 'only the bystander is left')
    },
  )

  test('an error thrown in accept destroys that connection only', async () => {
    await using poller = await create()
    const thrown = new Error('thrown in accept')
    let accepted = 0
    const listener = await poller.listen({ port: 0 }, (connection) => {
      if (accepted++ === 0) throw thrown
      return { onData: () => void connection.write(Buffer.from('yes')), onEnd() {}, onClose() {} }
    })
    const errors = await uncaught(1, async () => {
      const first = await connectPeer({ port: listener.port, host: '127.0.0.1' })
      await until(() => first.closed || first.ended, 'the first is gone')
      first.socket.destroy()
      const second = await connectPeer({ port: listener.port, host: '127.0.0.1' })
      second.socket.write('?')
      await until(() => second.bytes === 3, 'the second is served')
      second.socket.destroy()
    })
    expect(errors).toEqual([thrown])
  })
}
