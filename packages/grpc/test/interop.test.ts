import { afterAll, beforeAll, describe, test } from 'vitest'
import { interopCases } from './interop/cases.ts'
import type { InteropClient } from './interop/client.ts'
import type { RunningPeer } from './interop/our-server.ts'
import { connectClient, peerNames, serverNames, startServer } from './interop/peers.ts'
import { interopService, testService } from './interop/service.ts'

for (const serverName of serverNames) {
  describe(`server ${serverName}`, () => {
    let server: RunningPeer
    beforeAll(async () => {
      server = await startServer(serverName, testService, interopService)
    })
    afterAll(() => server.close())

    describe.each(peerNames)('client %s', (clientName) => {
      let client: InteropClient
      beforeAll(() => {
        client = connectClient(clientName, server.port)
      })
      afterAll(() => client.close())

      test.each(interopCases)('$name', ({ run }) => run(client))
    })
  })
}
