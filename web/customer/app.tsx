import { ErrorBoundary } from "preact-iso/lazy";
import { LocationProvider, Route, Router, useLocation } from "preact-iso/router";
import { words } from "../locales/words.ts";
import { Brand } from "../parts/brand.tsx";
import { Nav } from "../parts/nav.tsx";
import { Status } from "../parts/status.tsx";
import type { Vault } from "../vault/vault.ts";
import { Bands } from "./bands.tsx";
import { LockLine } from "./lock-line.tsx";
import { route } from "./routes.tsx";
import { Connections } from "./screens/connections.tsx";
import { VaultContext } from "./vault-context.ts";

const screens = {
  connection: route(["connection", "ask", "form", "vendors"], () => import("./screens/connection.tsx").then((it) => it.Connection)),
  ask: route(["ask", "connection", "form", "safety", "data"], () => import("./screens/ask.tsx").then((it) => it.Ask)),
  data: route(["data", "form"], () => import("./screens/data.tsx").then((it) => it.Data)),
  importing: route(["data", "form", "imports", "purchases"], () => import("./screens/import.tsx").then((it) => it.Import)),
  purchases: route(["data", "form", "purchases"], () => import("./screens/purchases.tsx").then((it) => it.Purchases)),
  sorting: route(["data", "form", "purchases"], () => import("./screens/sorting.tsx").then((it) => it.Sorting)),
  spending: route(["data", "form", "purchases"], () => import("./screens/spending.tsx").then((it) => it.Spending)),
  tastes: route(["data", "form", "purchases"], () => import("./screens/tastes.tsx").then((it) => it.Tastes)),
  whoHasWhat: route(["ask", "data", "form", "vendors"], () => import("./screens/who-has-what.tsx").then((it) => it.WhoHasWhat)),
  dataClass: route(["data", "form"], () => import("./screens/data-class.tsx").then((it) => it.DataClassScreen)),
  wanted: route(["data", "form", "wanted"], () => import("./screens/wanted.tsx").then((it) => it.Wanted)),
  intent: route(["data", "form", "wanted"], () => import("./screens/intent.tsx").then((it) => it.IntentScreen)),
  safety: route(["safety"], () => import("./screens/safety.tsx").then((it) => it.Safety)),
  recover: route(["safety"], () => import("./screens/recover.tsx").then((it) => it.Recover)),
  start: route(["safety"], () => import("./screens/start.tsx").then((it) => it.Start)),
  restore: route(["leaving"], () => import("./screens/restore.tsx").then((it) => it.Restore)),
  you: route(["you"], () => import("./screens/you.tsx").then((it) => it.You)),
  exporting: route(["leaving", "form"], () => import("./screens/export.tsx").then((it) => it.Export)),
  erasing: route(["leaving"], () => import("./screens/erase.tsx").then((it) => it.Erase)),
  moving: route(["leaving"], () => import("./screens/move.tsx").then((it) => it.Move)),
  arriving: route(["leaving", "safety"], () => import("./screens/arrive.tsx").then((it) => it.Arrive)),
  putBack: route(["putBack"], () => import("./screens/put-back.tsx").then((it) => it.PutBack)),
  pause: route(["you"], () => import("./screens/pause.tsx").then((it) => it.Pause)),
  notFound: route([], () => import("./screens/not-found.tsx").then((it) => it.NotFound)),
};

export function App({ vault }: { vault: Vault }) {
  return (
    <VaultContext.Provider value={vault}>
      <LocationProvider>
        <Shell />
      </LocationProvider>
    </VaultContext.Provider>
  );
}

/** Pages that stand alone: no way on but the decision that they ask for. */
const isBare = (path: string): boolean => path.startsWith("/ask/") || path === "/pause";

function Shell() {
  const { path } = useLocation();
  const t = words();
  const bare = isBare(path);
  const places = [
    { href: "/", word: t.nav.connections, icon: "ticket" },
    { href: "/data", word: t.nav.data, icon: "notebook" },
    { href: "/wanted", word: t.nav.wanted, icon: "search" },
    { href: "/safety", word: t.nav.safety, icon: "lifebuoy" },
    { href: "/you", word: t.nav.you, icon: "person" },
  ] as const;
  return (
    <div class={bare ? "shell" : "shell with-nav"}>
      <a class="skip" href="#main">
        {t.skip}
      </a>
      <header>
        {bare ? <Brand /> : <Brand href="/" />}
        {!bare && <Nav label={t.nav.label} places={places} path={path} />}
        <LockLine />
      </header>
      <Bands bare={bare} path={path} />
      <main id="main" tabIndex={-1}>
        <ErrorBoundary>
          <Router>
            <Route path="/" component={Connections} />
            <Route path="/c/:id" component={screens.connection} />
            <Route path="/ask/:id" component={screens.ask} />
            <Route path="/data" component={screens.data} />
            <Route path="/data/import" component={screens.importing} />
            <Route path="/data/who" component={screens.whoHasWhat} />
            <Route path="/data/purchases" component={screens.purchases} />
            <Route path="/data/purchases/sort" component={screens.sorting} />
            <Route path="/data/purchases/spending" component={screens.spending} />
            <Route path="/data/purchases/tastes" component={screens.tastes} />
            <Route path="/data/:class" component={screens.dataClass} />
            <Route path="/wanted" component={screens.wanted} />
            <Route path="/wanted/:id" component={screens.intent} />
            <Route path="/safety" component={screens.safety} />
            <Route path="/safety/recover" component={screens.recover} />
            <Route path="/start" component={screens.start} />
            <Route path="/restore" component={screens.restore} />
            <Route path="/you" component={screens.you} />
            <Route path="/you/export" component={screens.exporting} />
            <Route path="/you/erase" component={screens.erasing} />
            <Route path="/you/move" component={screens.moving} />
            <Route path="/move" component={screens.arriving} />
            <Route path="/put-back" component={screens.putBack} />
            <Route path="/pause" component={screens.pause} />
            <Route default component={screens.notFound} />
          </Router>
        </ErrorBoundary>
      </main>
      <Status />
    </div>
  );
}
