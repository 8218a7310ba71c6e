// The life of a chain from C++17: handles that close themselves, over the same header.
#include "expect.h"

#include <memory>
#include <string>
#include <string_view>

namespace {

template <auto close> struct Closer {
    template <typename Handle> void operator()(Handle *handle) const { close(handle); }
};
using Authority = std::unique_ptr<agentid_authority, Closer<agentid_authority_close>>;
using Agent = std::unique_ptr<agentid_agent, Closer<agentid_agent_close>>;
using Guard = std::unique_ptr<agentid_guard, Closer<agentid_guard_close>>;

class Bytes {
public:
    Bytes() = default;
    Bytes(const Bytes &) = delete;
    Bytes &operator=(const Bytes &) = delete;
    ~Bytes() { agentid_bytes_free(&bytes_); }
    agentid_bytes *operator&() { return &bytes_; }
    std::string_view view() const { return {bytes_.data, bytes_.len}; }

private:
    agentid_bytes bytes_{};
};

Authority open_authority()
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_authority *authority = nullptr;
    options.trust_domain = "acme.example";
    DONE(agentid_authority_open("", 0, &options, &authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = "fetch(url uri {\"hosts\": [\"*.acme.example\"], \"schemes\": [\"https\"]})";
    DONE(agentid_authority_put_profile(authority, TEXT("crawler"), &profile, &error));
    return Authority(authority);
}

Agent start(const Authority &authority)
{
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    agentid_agent *agent = nullptr;
    options.principal = "user:alice@acme.example";
    options.task = "crawl";
    options.scope = "fetch(url uri {\"hosts\": [\"docs.acme.example\"], \"path\": \"/v1\"})";
    DONE(agentid_authority_start_agent(authority.get(), TEXT("crawler"), &options, &agent, &error));
    return Agent(agent);
}

agentid_status ask(const Guard &guard, const Agent &agent, const std::string &url)
{
    const std::string arguments = "{\"url\":\"" + url + "\"}";
    Bytes chain, proof;
    DONE(agentid_agent_chain(agent.get(), &chain, &error));
    DONE(agentid_agent_prove(agent.get(), TEXT("fetch"), arguments.data(), arguments.size(), TEXT("web"), &proof, &error));
    return agentid_guard_authorize(guard.get(), chain.view().data(), chain.view().size(), proof.view().data(),
                                   proof.view().size(), TEXT("fetch"), arguments.data(), arguments.size(), nullptr,
                                   nullptr);
}

} // namespace

int main()
{
    const Authority authority = open_authority();
    const Agent agent = start(authority);
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    agentid_guard *opened = nullptr;
    options.audience = "web";
    DONE(agentid_authority_guard(authority.get(), &options, &opened, &error));
    const Guard guard(opened);
    EXPECT(ask(guard, agent, "https://docs.acme.example/v1/x") == AGENTID_OK);
    EXPECT(ask(guard, agent, "https://docs.acme.example/v2") == AGENTID_DENIED);
    EXPECT(ask(guard, agent, "https://docs.acme.example@evil.example/v1") == AGENTID_DENIED);

    agentid_agent *child = nullptr;
    agentid_delegation_options whole = AGENTID_DELEGATION_OPTIONS_INIT;
    whole.same_scope = 1;
    DONE(agentid_agent_spawn(agent.get(), TEXT("helper"), &whole, &child, &error));
    const Agent sub_agent(child);
    EXPECT(ask(guard, sub_agent, "https://docs.acme.example/v1") == AGENTID_OK);
    DONE(agentid_authority_revoke(authority.get(), AGENTID_REVOKE_PROFILE, TEXT("crawler"), nullptr, &error));
    EXPECT(ask(guard, sub_agent, "https://docs.acme.example/v1") == AGENTID_DENIED);
    return ended("chain_life (C++)");
}
