// Calls @alpacahq/alpaca-trade-api 4.0.2 as its users do and prints what came back.
// Reads one JSON object from standard input; NODE_MODULES names the folder that holds the package.
const fs = require("node:fs");
const path = require("node:path");
const { trading, marketData } = require(path.join(process.env.NODE_MODULES, "@alpacahq/alpaca-trade-api"));

const task = JSON.parse(fs.readFileSync(0, "utf8"));
const credentials = task.token ? { accessToken: task.token } : { keyId: task.key_id, secret: task.secret };

async function attempt(call) {
  try {
    return { ok: await call() };
  } catch (refused) {
    return { type: refused.constructor.name, status: refused.status, code: refused.code, message: refused.message };
  }
}

async function main() {
  const account = new trading.AccountsApi(new trading.Configuration({ basePath: task.api, ...credentials }));
  const stocks = new marketData.StockApi(new marketData.Configuration({ basePath: task.data, ...credentials }));
  const answers = {
    account: await attempt(async () => (await account.getAccount()).id),
    bars: await attempt(async () => {
      const found = await stocks.stockBars({ symbols: "AAPL", timeframe: "1Day", start: new Date("2024-01-02"), limit: 5 });
      return found.bars.AAPL.length;
    }),
  };
  console.log(JSON.stringify(answers));
}

main();
