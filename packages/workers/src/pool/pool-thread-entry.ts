import { messageOf } from '@qps/core'
import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadData, ThreadNews } from './pool-thread.ts'
import type { AnyTasks } from './task.ts'
import { ThreadTasks } from './thread-tasks.ts'

const data = workerData as ThreadData
const port = parentPort!
const tell = (news: ThreadNews): void => port.postMessage(news)
// Shared memory keeps no event loop alive. Listening does, though nothing more is ever said here.
port.on('message', () => {})

const ownResources = process.getActiveResourcesInfo().length

try {
  const functions = functionsOf((await import(data.module)) as object)
  new ThreadTasks(data, functions, ownResources).start()
  tell({ names: [...functions.keys()] })
} catch (error) {
  tell({ failed: messageOf(error) })
  process.exit(1)
}

function functionsOf(module: object): Map<string, AnyTasks[string]> {
  const entries = Object.entries(module).filter(
    (entry): entry is [string, AnyTasks[string]] => typeof entry[1] === 'function',
  )
  return new Map(entries)
}
