import { createVault } from "../vault/client.ts";
import { mount } from "./mount.tsx";

void mount(createVault());
