/** What each key does. Keys that are not here are ignored. */
export type KeyActions = Record<string, () => void | Promise<void>>

const controlC = '\x03'
const controlD = '\x04'

/**
 * Reads single keys from the terminal. Raw mode swallows Ctrl-C, so it is sent on as the signal that it would have
 * been. An action that is still running makes further keys wait for nothing: they are ignored until it ends.
 *
 * @param actions asked at each key, for they may change.
 */
export function readKeys(
  actions: () => KeyActions,
  onError: (error: unknown) => void,
  input: NodeJS.ReadStream = process.stdin,
): Disposable {
  let busy = false
  const onData = (data: string): void => {
    for (const key of data) {
      if (key === controlC || key === controlD) process.kill(process.pid, 'SIGINT')
      else if (Object.hasOwn(actions(), key)) void perform(key)
    }
  }
  const perform = async (key: string): Promise<void> => {
    if (busy && key !== 'q' && key !== 'h') return
    busy = true
    try {
      await actions()[key]?.()
    } catch (error) {
      onError(error)
    } finally {
      busy = false
    }
  }
  input.setRawMode(true)
  input.setEncoding('utf8')
  input.on('data', onData)
  input.resume()
  return {
    [Symbol.dispose]() {
      input.off('data', onData)
      input.setRawMode(false)
      input.pause()
    },
  }
}
