// Bluesky's own servers (npm @atproto/dev-env) on free ports of loopback: PLC and PDS, and with DB_POSTGRES_URL and REDIS_HOST
// the AppView too. Says "READY " and the addresses as JSON; ends when its standard input does. RATE_LIMITS=1 switches the PDS's own
// limits on.
const net = require('node:net')

// The packages listen on every interface and have no setting for it.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (where, ...rest) {
  const options = typeof where === 'object' ? where : { port: Number(where) }
  const whenListening = rest.filter((argument) => typeof argument === 'function')
  return listen.call(this, { ...options, host: '127.0.0.1' }, ...whenListening)
}

const { TestNetwork, TestPds, TestPlc } = require('@atproto/dev-env')

async function start() {
  if (process.env.DB_POSTGRES_URL) {
    const network = await TestNetwork.create({ dbPostgresSchema: 'pulso' })
    return { pds: network.pds.port, app_view: network.bsky.port }
  }
  const plc = await TestPlc.create({})
  const pds = await TestPds.create({ didPlcUrl: plc.url, rateLimitsEnabled: process.env.RATE_LIMITS === '1' })
  return { pds: pds.port }
}

process.stdin.resume().on('end', () => process.exit(0))

start().then(
  (ports) => {
    const urls = Object.entries(ports).map(([name, port]) => [name, `http://127.0.0.1:${port}`])
    console.log(`READY ${JSON.stringify(Object.fromEntries(urls))}`)
  },
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
