import { dispatcherModules, exchange, type CreateDispatcher } from '@qps/client'

/* A process that closes a dispatcher while a request is under way, and has nothing else to do. */
const [kind, origin = ''] = process.argv.slice(2)
const { href } = dispatcherModules[kind as keyof typeof dispatcherModules]
const { createDispatcher } = (await import(href)) as { createDispatcher: CreateDispatcher }
const dispatcher = createDispatcher({ origin, parts: 1, connectionsMax: 1 })
const answer = exchange(dispatcher, { path: '/' })
const closed = dispatcher.close()
const { status } = await answer
await closed
process.stdout.write(`closed after ${status}`)
