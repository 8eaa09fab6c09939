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
  connection: route(() => import("./screens/connection.tsx").then((it) => it.Connection)),
  ask: route(() => import("./screens/ask.tsx").then((it) => it.Ask)),
  data: route(() => import("./screens/data.tsx").then((it) => it.Data)),
  dataClass: route(() => import("./screens/data-class.tsx").then((it) => it.DataClassScreen)),
  safety: route(() => import("./screens/safety.tsx").then((it) => it.Safety)),
  recover: route(() => import("./screens/recover.tsx").then((it) => it.Recover)),
  start: route(() => import("./screens/start.tsx").then((it) => it.Start)),
  you: route(() => import("./screens/you.tsx").then((it) => it.You)),
  pause: route(() => import("./screens/pause.tsx").then((it) => it.Pause)),
  notFound: route(() => import("./screens/not-found.tsx").then((it) => it.NotFound)),
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
            <Route path="/data/:class" component={screens.dataClass} />
            <Route path="/safety" component={screens.safety} />
            <Route path="/safety/recover" component={screens.recover} />
            <Route path="/start" component={screens.start} />
            <Route path="/you" component={screens.you} />
            <Route path="/pause" component={screens.pause} />
            <Route default component={screens.notFound} />
          </Router>
        </ErrorBoundary>
      </main>
      <Status />
    </div>
  );
}
