SELECT key, value FROM lake.state.meta;
