import networkx as nx

graph = nx.Graph()
graph.add_weighted_edges_from([("a", "b", 4), ("b", "c", 1), ("a", "c", 2), ("c", "d", 7), ("e", "f", 1)])
print(graph, nx.shortest_path(graph, "a", "d", weight="weight"), nx.dijkstra_path_length(graph, "a", "d"))
print(sorted(map(sorted, nx.connected_components(graph))), dict(graph.degree()), nx.density(graph))
print(sorted(nx.minimum_spanning_tree(graph).edges(data="weight")), {node: round(value, 3) for node, value in nx.betweenness_centrality(graph).items()})
tree = nx.DiGraph([("build", "test"), ("test", "ship"), ("build", "lint"), ("lint", "ship")])
print(list(nx.topological_sort(tree)), nx.is_directed_acyclic_graph(tree), nx.descendants(tree, "test"), list(nx.simple_cycles(nx.DiGraph([(1, 2), (2, 1)]))))
print(nx.node_link_data(tree, edges="links")["links"], nx.clustering(nx.complete_graph(4)), nx.to_dict_of_lists(nx.path_graph(3)))
print(list(nx.generate_gml(nx.path_graph(2))), list(nx.algorithms.community.greedy_modularity_communities(nx.barbell_graph(4, 0)))[0])
print(nx.maximum_flow_value(nx.DiGraph([("s", "t", {"capacity": 3})]), "s", "t"), nx.gnp_random_graph(6, 0.5, seed=1).number_of_edges())
try:
    nx.shortest_path(graph, "a", "e")
except nx.NetworkXNoPath as error:
    print(error)
