LOAD {extension};
